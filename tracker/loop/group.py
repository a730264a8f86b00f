"""Several targets in one video, which share a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rbsf.engine.box_answer import has_box_head
from rbsf.errors import InputError
from rbsf.geometry import Frame

from .check import AnyConfig
from .followers import BoxFollowers, Followers, SiamFCFollowers
from .target import Track

if TYPE_CHECKING:
    from rbsf.embedder import Network


class TrackerGroup:
    """Follows several targets. Each is tracked exactly as a `Tracker` would track it alone.

        group = TrackerGroup(network)
        group.add(frame, (612, 290, 72, 72), name="ball")
        group.add(frame, (610, 45, 160, 625), name="player")
        tracks = dict(zip(group.names, group.update(next_frame)))

    Targets keep the order in which they were added. A group can be pickled, as a tracker can.

    Args:
        network: The network, from `rbsf.load_embedder`. One without a box head is called once per
            frame, with the crops of all targets.
        config: The settings for every target, as `Tracker` takes them. None uses the defaults.

    Raises:
        InputError: The network or the settings are of another type.
    """

    def __init__(self, network: Network, config: AnyConfig | None = None) -> None:
        kind = BoxFollowers if has_box_head(network) else SiamFCFollowers
        self._followers: Followers = kind(network, config)  # type: ignore[arg-type]
        self._targets: dict[str, Any] = {}
        self._added = 0

    @property
    def names(self) -> list[str]:
        """The targets' names, in the order of the tracks that `update` returns."""
        return list(self._targets)

    def init(self, frame: Frame, boxes: Sequence[Sequence[float]]) -> None:
        """Starts to follow several targets, in place of any earlier ones.

        The targets are named "1", "2" and so on. The frame may have another size than those before.

        Args:
            frame: A BGR uint8 frame of shape HxWx3, or a grey one of shape HxW.
            boxes: The targets' boxes (x, y, w, h), in pixels, counted from 0; at least one.

        Raises:
            InputError: There is no box, no target can be in one of them, or the frame is not such
                an array. The earlier targets are kept.
        """
        targets = self._followers.start(frame, _at_least_one(boxes))
        self._targets = {str(number): target for number, target in enumerate(targets, 1)}
        self._added = len(targets)

    def add(self, frame: Frame, box: Sequence[float], name: str | None = None) -> str:
        """Starts to follow one more target, which the next `update` looks for after the others.

        Args:
            frame: The frame in which the box is, as `init` takes it. It must have the size of the
                group's other frames, unless the group has no target at present.
            box: The target's box (x, y, w, h), in pixels, counted from 0.
            name: The target's name, a text that no other target of the group has. None numbers the
                targets in the order in which they were added: the third one is named "3".

        Returns:
            The target's name.

        Raises:
            InputError: The name is in use or is not a text, no target can be in the box, or the
                frame is not a BGR or grey uint8 array of the right size. The group stays as it was.
        """
        name = str(self._added + 1) if name is None else name
        if not isinstance(name, str) or not name:
            raise InputError(f"a target's name is a text that is not empty, not {name!r}")
        if name in self._targets:
            raise InputError(f"the group already has a target named {name!r}: give another name")
        for other in self._targets.values():
            self._followers.check(frame, other)
        (self._targets[name],) = self._followers.start(frame, [box])
        self._added += 1
        return name

    def remove(self, name: str) -> None:
        """Stops following a target.

        Raises:
            InputError: The group has no target of this name.
        """
        if name not in self.names:
            names = ", ".join(self._targets) or "none"
            raise InputError(f"the group has no target named {name!r}; its targets are: {names}")
        del self._targets[name]

    def update(self, frame: Frame) -> list[Track]:
        """Finds all targets in the next frame.

        Args:
            frame: A frame as `init` takes it, of the same size as those before.

        Returns:
            One track per target, in the order of `names`. After the last target was removed, the
            list is empty.

        Raises:
            InputError: No target was ever added, the frame is not such an array, or it has another
                size. The targets stay where they were, and the next frame can follow.
        """
        if not self._added:
            raise InputError("the group has no targets yet: call init or add before update")
        return self._followers.find(frame, list(self._targets.values()))


def _at_least_one(boxes: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    """The boxes in a list.

    Raises:
        InputError: There is none, or the argument cannot be listed.
    """
    try:
        listed = list(boxes)
    except TypeError:
        raise InputError(
            f"boxes must be a list of x,y,w,h, not {type(boxes).__name__}: give at least one"
        ) from None
    if not listed:
        raise InputError("no box to track: give at least one x,y,w,h")
    return listed
