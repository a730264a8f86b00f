"""The tracker inside other people's benchmarks: the got10k toolkit and the VOT toolkit.

An experiment of the got10k toolkit runs our tracker like this:

    experiment = got10k.experiments.ExperimentGOT10k(root, subset="val")
    experiment.run(got10k_tracker(rbsf.load_embedder()))

A tracker script for the VOT toolkit is one line:

    run_vot(rbsf.load_embedder())
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError
from rbsf.files.image import read_image
from rbsf.geometry import Box, Frame, from_one_indexed, to_one_indexed

from ..loop.check import AnyConfig
from ..loop.tracker import Tracker

if TYPE_CHECKING:
    from rbsf.embedder import Network


class Region(Protocol):
    """A rectangle as the VOT toolkit hands it over, in pixels and 0-indexed."""

    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...


class Rectangle(NamedTuple):
    """A VOT region."""

    x: float
    y: float
    width: float
    height: float


def got10k_tracker(network: Network, config: AnyConfig | None = None) -> Any:
    """A `got10k.trackers.Tracker` for the toolkit's own experiments.

    The toolkit hands over PIL images (RGB) and boxes as its files have them, 1-indexed.

    Args:
        network: The network. The tracker is called as it is.
        config: The tracker's settings. None takes the default ones.

    Raises:
        InputError: The toolkit is not installed.
    """
    base = _imported("got10k.trackers", "pip install got10k").Tracker

    class Got10kTracker(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__(name=network.name, is_deterministic=True)
            self.tracker = Tracker(network, config)

        def init(self, image: Any, box: NDArray[np.float64]) -> None:
            self.tracker.init(_bgr(image), from_one_indexed(box).tolist())

        def update(self, image: Any) -> NDArray[np.float64]:
            return to_one_indexed(self.tracker.update(_bgr(image)).box)

    return Got10kTracker()


class VotTracker:
    """One target under the VOT toolkit. An image is a path, as the toolkit sends it, or a frame.

    Args:
        network: The network.
        config: The tracker's settings. None takes the default ones.
    """

    def __init__(self, network: Network, config: AnyConfig | None = None) -> None:
        self.tracker = Tracker(network, config)

    def initialize(self, image: str | Frame, region: Region) -> None:
        """Starts from the region of the first image."""
        box = Box(region.x, region.y, region.width, region.height)
        self.tracker.init(_read(image), box)

    def track(self, image: str | Frame) -> tuple[Rectangle, float]:
        """The region in the next image, and the confidence in it from 0 to 1."""
        track = self.tracker.update(_read(image))
        return Rectangle(*track.box), track.score


def run_vot(network: Network, config: AnyConfig | None = None) -> None:
    """Serves the VOT toolkit, for one object or several, until it ends the session.

    Args:
        network: The network.
        config: The tracker's settings. None takes the default ones.

    Raises:
        InputError: No `vot` module with a VOTManager can be imported. It is the Python integration
            that the toolkit puts on the path of the trackers that it starts.
    """
    remedy = "start this script from the VOT toolkit (pip install vot-toolkit vot-trax)"
    vot = _imported("vot", remedy)
    if not hasattr(vot, "VOTManager"):
        raise InputError(f"the module vot has no VOTManager, it is not the integration: {remedy}")

    def start(image: str, region: Region) -> Any:
        tracker = VotTracker(network, config)
        tracker.initialize(image, region)
        return lambda image: vot.Rectangle(*tracker.track(image)[0])

    vot.VOTManager(start, "rectangle").run()


def _imported(module: str, remedy: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"cannot import {module} ({error}): {remedy}") from None


def _bgr(image: Any) -> Frame:
    """A PIL image as a frame."""
    return cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)  # type: ignore[return-value]


def _read(image: str | Frame) -> Frame:
    if not isinstance(image, str):
        return image
    frame = read_image(Path(image))
    if frame is None:
        raise InputError(f"cannot read image {image}")
    return frame
