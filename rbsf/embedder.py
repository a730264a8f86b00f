"""`load_embedder`: the one line that turns weights into a network that a tracker can use.

There are two kinds. An `Embedder` turns crops into features, as SiamFC does. A `BoxNetwork` (see
`rbsf.engine.box_answer`) has a box head besides, and answers with boxes.

Nothing here imports torch until a torch network is asked for.
"""

from __future__ import annotations

import importlib.util
import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from rbsf.engine.box_answer import has_box_head
from rbsf.errors import InputError
from rbsf.extras import missing_package, needs_extra
from rbsf.files.hashing import file_sha256
from rbsf.files.weights import NAMES, SHIPPED
from rbsf.files.weights import SHIPPED_RBSF as SHIPPED_RBSF
from rbsf.files.weights import SHIPPED_TEACHER as SHIPPED_TEACHER

if TYPE_CHECKING:
    from rbsf.engine.box_answer import BoxNetwork
    from rbsf.engine.format import PackedNetwork
    from rbsf.engine.integer import IntegerEmbedder
    from rbsf.engine.integer_box import IntegerBoxNetwork
    from rbsf.engine.openvino_u1 import OpenVinoEmbedder
    from rbsf.engine.packed import PackedEmbedder
    from rbsf.engine.packed_box import PackedBoxNetwork
    from rbsf.engine.torch_box import TorchBoxNetwork
    from rbsf.engine.torch_embedder import TorchEmbedder

    WithBoxes: TypeAlias = PackedBoxNetwork | IntegerBoxNetwork | TorchBoxNetwork
    Plain: TypeAlias = PackedEmbedder | OpenVinoEmbedder | IntegerEmbedder | TorchEmbedder
    Loaded: TypeAlias = WithBoxes | Plain

Engine = Literal["auto", "packed", "torch"]

PACKED_SUFFIX = ".rbsf"
"""How the name of a packed file ends."""


class Embedder(Protocol):
    """A network that is ready to embed crops.

    A response is `response_gain * correlation + response_bias`. It is a logit: its sigmoid is the
    network's belief that the target is centred there.

    A network from `load_embedder` can be pickled. It is stored as the path of its file and its
    settings, and loaded again where it is unpickled.
    """

    name: str
    """The name that reports show: the file's name without its suffix."""
    engine: str
    """What runs the network: "packed", "torch" or "openvino"."""
    path: str
    """Which of the engine's kernels run. It is empty for an engine that has only one kind. The
    features do not depend on it."""
    weights_sha256: str
    """The SHA-256 of the weights' file, or an empty text for a network in memory."""
    response_gain: float
    """The factor on a correlation, in the formula above."""
    response_bias: float
    """What is added to a correlation, in the formula above."""

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeds crops.

        Args:
            crops: RGB uint8 crops of shape (N, S, S, 3), with values from 0 to 255.

        Returns:
            The features, (N, C, s, s). S = 127 gives s = 6, and S = 255 gives s = 22.

        Raises:
            InputError: The crops are not such an array.
        """
        ...


Network: TypeAlias = "Embedder | BoxNetwork"
"""A network that a tracker can use."""


def load_embedder(
    weights: str | Path | None = None, engine: Engine = "auto", threads: int | None = None
) -> Network:
    """Loads a network from a file of weights.

    Args:
        weights: The path of a packed file, a checkpoint, a shipped file or
            `siamfc_alexnet_e50.pth`. Or the name of a network that comes with the package:
            "rbsf_box", which has a box head, or "rbsf", the paper's. None is "rbsf_box".
        engine: What runs the network. "packed" takes the compiled 1-bit kernels, for a packed file
            or for a student's checkpoint, which is packed in memory. "torch" runs every file.
            "auto" takes the compiled kernels for a packed file (or the next best where they are
            missing), and torch for any other file. "packed" does not take a checkpoint with a box
            head, whose 8 bits need data: pack it by `rbsf export` first.
        threads: How many threads run the network, 1 or more. Torch uses this number in the whole
            process. None leaves the choice to the engine.

    Returns:
        A `BoxNetwork` if the network has a box head, else an `Embedder`.

    Raises:
        InputError: There is no such file, it is damaged or of another architecture, the engine is
            not installed or cannot run this file, or an argument is of a wrong type.
    """
    file = _checked_arguments(weights, engine, threads)
    embedder = _load(file, engine, threads)
    # a shipped file may lie elsewhere in the installation that unpickles
    again = next((name for name, shipped in NAMES.items() if shipped == file), file.resolve())
    embedder.origin = load_again, (again, engine, threads, embedder.weights_sha256)
    return embedder


def load_siamfc(
    weights: str | Path | None = None, engine: Engine = "auto", threads: int | None = None
) -> Embedder:
    """Loads a network without a box head.

    Args:
        weights: As for `load_embedder`. None is the paper's RB-SF, "rbsf".
        engine: As for `load_embedder`.
        threads: As for `load_embedder`.

    Raises:
        InputError: As `load_embedder`, or the network has a box head.
    """
    network = load_embedder(weights or "rbsf", engine, threads)
    if has_box_head(network):
        raise InputError(
            f"{weights} has a box head, but a SiamFC is needed here: give rbsf, or another file"
        )
    return cast(Embedder, network)


def load_again(
    weights: str | Path, engine: Engine, threads: int | None, weights_sha256: str
) -> Network:
    """Loads a pickled network.

    Args:
        weights: The file from which it was loaded, or the name of a shipped one.
        engine: The engine that was asked for.
        threads: How many threads were asked for.
        weights_sha256: The hash of the file when it was loaded.

    Raises:
        InputError: As `load_embedder`, or the file has changed since.
    """
    embedder = load_embedder(weights, engine, threads)
    if embedder.weights_sha256 != weights_sha256:
        shipped = weights in NAMES
        file = f"the network {weights} of this installation" if shipped else weights
        raise InputError(
            f"{file} is not the file from which the pickled network was loaded: its hash is "
            f"{embedder.weights_sha256[:12]}, not {weights_sha256[:12]}"
        )
    return embedder


def engine_in_words(engine: str, path: str) -> str:
    """The engine and its kernel path, such as "packed (avx2)"."""
    return f"{engine} ({path})" if path else engine


def _load(file: Path, engine: Engine, threads: int | None) -> Loaded:
    if file.suffix == PACKED_SUFFIX:
        return _load_packed(file, engine, threads)
    if is_box_checkpoint(file):
        return _load_box_checkpoint(file, engine, threads)
    if engine == "packed":
        return _pack(file, threads)
    with needs_extra(str(file)):
        from rbsf.engine.torch_embedder import TorchEmbedder
    return TorchEmbedder.from_file(file, threads)


def _checked_arguments(weights: str | Path | None, engine: Engine, threads: int | None) -> Path:
    """The file that the arguments name."""
    if engine not in get_args(Engine):
        raise InputError(f"engine must be one of {', '.join(get_args(Engine))}, not {engine!r}")
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise InputError(f"threads must be 1 or more, or None, not {threads!r}")
    if weights is None:
        return SHIPPED
    if not isinstance(weights, (str, Path)):
        raise InputError(f"weights must be a path or None, not {type(weights).__name__}")
    file = Path(weights)
    if str(weights) in NAMES and not file.is_file():  # a clone has a folder rbsf
        return NAMES[str(weights)]
    if file.is_dir():
        raise InputError(
            f"weights {file} is a folder: give a file in it (.rbsf, .safetensors, .pth)"
        )
    if not file.is_file():
        raise InputError(
            f"no weights at {file}: give the path of a packed file (.rbsf) or of a checkpoint"
        )
    return file


def _load_packed(file: Path, engine: Engine, threads: int | None) -> Loaded:
    from rbsf.engine.format import read_packed
    from rbsf.engine.packed import check_architecture, kernel_paths

    network = read_packed(file)
    check_architecture(network, str(file))
    if engine == "packed" or (engine == "auto" and kernel_paths()):
        return _on_kernels(network, file, threads)
    only_bits = all(layer.output != "levels" for layer in network.layers)
    if engine == "auto" and only_bits and not network.head and importlib.util.find_spec("openvino"):
        from rbsf.engine.openvino_u1 import OpenVinoEmbedder

        _warn_of_missing_kernels("OpenVINO")
        return OpenVinoEmbedder(network, file.stem, file_sha256(file), threads)
    if engine == "auto":
        _require_torch_in_place_of_kernels()
        _warn_of_missing_kernels("torch")
    return _on_torch(network, file, threads)


def _on_kernels(network: PackedNetwork, file: Path, threads: int | None) -> Loaded:
    if network.head:
        from rbsf.engine.packed_box import PackedBoxNetwork

        return PackedBoxNetwork(network, file.stem, file_sha256(file), threads)
    from rbsf.engine.packed import PackedEmbedder

    return PackedEmbedder(network, file.stem, file_sha256(file), threads)


def _on_torch(network: PackedNetwork, file: Path, threads: int | None) -> Loaded:
    with needs_extra("engine torch"):
        import torch

        from rbsf.engine.integer import IntegerEmbedder
        from rbsf.engine.integer_box import IntegerBoxNetwork
    if threads is not None:
        torch.set_num_threads(threads)
    kind = IntegerBoxNetwork if network.head else IntegerEmbedder
    return kind(network, file.stem, file_sha256(file))


def is_box_checkpoint(file: Path) -> bool:
    """Whether a file is a checkpoint of a network with a box head; False if it cannot be read."""
    if file.suffix != ".safetensors":
        return False
    with needs_extra(str(file)):
        from rbsf.files.checkpoint import load_checkpoint
    try:
        return load_checkpoint(file).header.get("kind") == "box"
    except InputError:
        return False  # what is wrong is said when it is loaded


def _load_box_checkpoint(file: Path, engine: Engine, threads: int | None) -> Loaded:
    if engine == "packed":
        raise InputError(
            f"{file} has a box head, whose 8 bits need data: pack it with rbsf export {file} "
            "--output box.rbsf, and load that"
        )
    with needs_extra(str(file)):
        from rbsf.engine.torch_box import TorchBoxNetwork
    return TorchBoxNetwork.from_file(file, threads)


def _pack(file: Path, threads: int | None) -> Loaded:
    """A student's checkpoint on the packed engine."""
    from rbsf.engine.packed import PackedEmbedder, require_kernels

    require_kernels()
    with needs_extra(str(file)):
        from rbsf.engine.pack import pack_file
    return PackedEmbedder(pack_file(file), file.stem, file_sha256(file), threads)


def _require_torch_in_place_of_kernels() -> None:
    """Checks that torch can run a packed network where no kernels can.

    Raises:
        InputError: Torch is missing too. The message says how to get either.
    """
    from rbsf.engine.installation import missing_kernels

    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        slower = missing_package("the slower engine torch", "torch")
        raise InputError(
            f"nothing here can run the network: {missing_kernels()}; {slower}"
        ) from None


@cache
def _warn_of_missing_kernels(instead: str) -> None:
    """Warns once per process. It is a remark in the log, since no caller can mend it."""
    from rbsf.engine.installation import missing_kernels

    logging.getLogger(__name__).warning(f"{instead} runs the network, slower: {missing_kernels()}")
