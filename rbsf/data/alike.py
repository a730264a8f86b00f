"""Which targets of a source are easily mistaken for each other: those of a picture or a class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rbsf.data.crops import CachedTarget
from rbsf.data.thing import Draw


class Alike:
    """Draws distractors for the targets of one source.

    Args:
        targets: The targets, named as `rbsf.data.sources.Target` has it.

    Attributes:
        pictures: The number of the picture or sequence that each target is in.
    """

    def __init__(self, targets: Sequence[CachedTarget]) -> None:
        names = [target.name.split("/") for target in targets]
        numbers = {name: n for n, name in enumerate(dict.fromkeys(name for name, *_ in names))}
        self.pictures = [numbers[name] for name, *_ in names]
        self._labels = [name[-1] if len(name) > 1 else "" for name in names]
        self._of_picture, self._of_label = defaultdict(list), defaultdict(list)
        for number, (picture, label) in enumerate(zip(self.pictures, self._labels, strict=True)):
            self._of_picture[picture].append(number)
            if label:
                self._of_label[label].append(number)

    def of_class(self, number: int) -> list[int]:
        """The targets of the same class, the target itself included; none if it has no class."""
        return self._of_label.get(self._labels[number], [])

    def draw(self, number: int, draw: Draw) -> int | None:
        """Draws another target of the same picture or class, if there is one, else any other.

        Args:
            number: The target for which a distractor is drawn.
            draw: The source of random numbers.

        Returns:
            The number of the other target. None if the source has no other.
        """
        picture = self._of_picture[self.pictures[number]]
        kinds = [group for group in (picture, self.of_class(number)) if len(group) > 1]
        everything: Sequence[int] = range(len(self.pictures))
        group = kinds[int(draw.integers(len(kinds)))] if kinds else everything
        if len(group) == 1:
            return None
        drawn = group[int(draw.integers(len(group) - 1))]
        return group[-1] if drawn == number else drawn
