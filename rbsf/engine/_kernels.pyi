"""The compiled kernels (src/module.cpp), which run packed networks on vector instructions."""

import numpy as np
from numpy.typing import NDArray

def paths() -> list[str]:
    """The names of the kernel paths that this machine can run, the fastest first."""

class Exemplar:
    """What a network's box head computes from an exemplar, once. Only that network takes it.

    It never changes, so its copies are itself.
    """

class Network:
    """A packed network. Several threads may call it at the same time.

    Args:
        data: The content of a packed file.
        path: The kernel path to use, one of `paths()`. Empty takes the fastest.
        threads: How many threads run the network, 1 to 256.

    Raises:
        ValueError: The file is damaged, this machine lacks the path, or `threads` is out of range.
    """

    def __init__(self, data: bytes, path: str = "", threads: int = 1) -> None: ...
    @property
    def path(self) -> str:
        """The kernel path in use."""

    @property
    def threads(self) -> int:
        """How many threads run the network."""

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeds RGB crops (N, S, S, 3) as features (N, C, h, w)."""

    def layers(self, crops: NDArray[np.uint8]) -> list[NDArray[np.uint8] | NDArray[np.float32]]:
        """Gives each layer's map, 0 and 1 or levels 0 to 3, (N, C, h, w), and last the features."""

    def layers_from_bits(
        self, bits: NDArray[np.uint8], size: int
    ) -> list[NDArray[np.uint8] | NDArray[np.float32]]:
        """Does what `layers` does, but starts from the first layer's map for crops of `size`."""

    @property
    def has_head(self) -> bool:
        """Whether the network has a box head."""

    def exemplar_feature(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Embeds an exemplar, (1, S, S, 3), as bytes (6, 6, C). Its feature must be 6 x 6."""

    def exemplar(self, feature: NDArray[np.uint8]) -> Exemplar:
        """Prepares the feature of an exemplar, (6, 6, C), for `search`."""

    def search(
        self, exemplar: Exemplar, crop: NDArray[np.uint8], log_width: float, log_height: float
    ) -> NDArray[np.float32]:
        """Gives the head's maps for a search crop (1, S, S, 3).

        Args:
            exemplar: What `exemplar` of this network gave.
            crop: The search crop.
            log_width: The logarithm of the believed width, relative to the typical side.
            log_height: The same of the height.

        Returns:
            The maps, (7, r, r): the response, the logits of target and quality, and the four codes
            of the boxes.
        """

    def profile(self, crops: NDArray[np.uint8]) -> list[float]:
        """Runs the network once and gives the seconds that each layer took."""

class Classifier:
    """A packed classifier. Several threads may call it at the same time.

    Args:
        data: The content of a packed file.
        path: The kernel path to use, one of `paths()`. Empty takes the fastest.
        threads: How many threads run the network, 1 to 256.

    Raises:
        ValueError: The file is damaged, this machine lacks the path, or `threads` is out of range.
    """

    def __init__(self, data: bytes, path: str = "", threads: int = 1) -> None: ...
    @property
    def path(self) -> str:
        """The kernel path in use."""

    @property
    def threads(self) -> int:
        """How many threads run the network."""

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Gives the logits (N, classes) of RGB images (N, H, W, 3)."""

    def trace(
        self, images: NDArray[np.uint8]
    ) -> tuple[
        NDArray[np.float32],
        list[tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32]]],
    ]:
        """Gives what one image (1, H, W, 3) passes through.

        Returns:
            The stem's map (h, w, C), and for each unit the bits of its input, 0 and 1, the sums of
            its binary convolution, and its output, (h, w, C) each.
        """

    def profile(
        self, images: NDArray[np.uint8]
    ) -> tuple[float, list[tuple[float, float, float]], float]:
        """Runs one image (1, H, W, 3) and gives the seconds that its parts took.

        Returns:
            Those of the stem; for each unit those of its signs, its shortcut and its sums; and
            those of the last layer.
        """
