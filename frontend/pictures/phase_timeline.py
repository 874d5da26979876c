"""The way of a value as one bar, cut into phases as long as they took."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 21
GAP = 1.5
# What is shorter is drawn so wide: it can be seen, and the picture says that it is not to scale.
WIDTH_AT_LEAST = 5.0


@dataclass(frozen=True, slots=True)
class Phase:
    """
    A phase with its seconds, and its place in the bar.

    `stretched` if it is drawn wider than its share of the time.
    """

    name: str
    seconds: float
    x: float
    width: float
    stretched: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The phases one after another, from 0 to `width`, with a small gap between two."""

    phases: tuple[Phase, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def seconds(self) -> float:
        """Return how long all of it took."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def stretched(self) -> bool:
        """Tell whether a phase is drawn wider than its share of the time."""
        return any(phase.stretched for phase in self.phases)


def timeline(moments: Sequence[tuple[str, float]]) -> Timeline | None:
    """
    Draw phases, each with its name and its seconds, as one bar.

    moments: up to about 20 phases in their order; less than 0 seconds, which differing clocks can give, count as 0.
    Widths are in proportion to the seconds, but at least WIDTH_AT_LEAST. None if there is no phase.
    """
    if not moments:
        return None
    seconds = [max(0.0, taken) for _, taken in moments]
    room = WIDTH - GAP * (len(moments) - 1)
    widths, stretched = shares(seconds, room)
    phases, x = [], 0.0
    for (name, _), taken, width, wider in zip(moments, seconds, widths, stretched, strict=True):
        phases.append(Phase(name, taken, round(x, 2), round(width, 2), wider))
        x += width + GAP
    return Timeline(tuple(phases))


def shares(seconds: Sequence[float], room: float) -> tuple[list[float], list[bool]]:
    """Divide the room in proportion to the seconds, giving each its least width; tell which were stretched to it."""
    stretched = [False] * len(seconds)
    least = min(WIDTH_AT_LEAST, room / len(seconds))
    while True:
        left = room - least * sum(stretched)
        total = sum(taken for taken, wider in zip(seconds, stretched, strict=True) if not wider)
        if not total:  # nothing took any time at all
            return [room / len(seconds)] * len(seconds), [True] * len(seconds)
        widths = [least if wider else left * taken / total for taken, wider in zip(seconds, stretched, strict=True)]
        narrow = [width < least for width in widths]
        if not any(narrow):
            return widths, stretched
        # Each that is stretched takes room from the others, and may make another one too narrow.
        stretched = [wider or less for wider, less in zip(stretched, narrow, strict=True)]
