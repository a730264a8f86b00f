"""The tracker with the manners of OpenCV's trackers, to take the place of one of them.

    tracker = OpenCVTracker(rbsf.load_embedder())
    tracker.init(image, (612, 290, 72, 72))
    ok, (x, y, w, h) = tracker.update(next_image)

`ok` is False while the target is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rbsf.geometry import Frame

from .check import AnyConfig
from .tracker import Tracker

if TYPE_CHECKING:
    from rbsf.embedder import Network

Rect = tuple[int, int, int, int]
"""The x, y, width and height of a rectangle, in whole pixels, counted from 0."""


class OpenCVTracker:
    """Follows one target behind the interface of `cv2.Tracker`.

    The names of methods and arguments are OpenCV's. Bad input gives an InputError where OpenCV
    raises `cv2.error`. `Tracker` gives boxes at sub-pixel positions instead of whole pixels.

    Args:
        network: The network, from `rbsf.load_embedder`; several trackers can share it.
        config: The tracker's settings, as `Tracker` takes them. None uses the defaults.

    Raises:
        InputError: The network or the settings are of another type.
    """

    def __init__(self, network: Network, config: AnyConfig | None = None) -> None:
        self.tracker = Tracker(network, config)
        self._score = 0.0

    def init(self, image: Frame, boundingBox: Sequence[float]) -> None:
        """Starts to follow a target, in place of any earlier one.

        Args:
            image: A BGR uint8 array of shape HxWx3, or a grey one of shape HxW.
            boundingBox: The target's box (x, y, w, h), in pixels, counted from 0, as
                `cv2.selectROI` returns it. Fractions are accepted.

        Raises:
            InputError: The image is not such an array, or no target can be in the box.
        """
        self.tracker.init(image, boundingBox)
        self._score = 1.0

    def update(self, image: Frame) -> tuple[bool, Rect]:
        """Finds the target in the next image.

        Args:
            image: An image as `init` takes it, of the same size as the first one.

        Returns:
            Whether the target is followed, and its box, rounded to whole pixels. While the target
            is lost, the first value is False and the box shows where it is looked for.

        Raises:
            InputError: There was no `init` before, the image is not such an array, or it has
                another size.
        """
        box, self._score, lost = self.tracker.update(image)
        x, y, w, h = (round(value) for value in box)
        return not lost, (x, y, w, h)

    def getTrackingScore(self) -> float:
        """How sure it is that the last box shows the target, 0 to 1; 0 before `init`."""
        return self._score
