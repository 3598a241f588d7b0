"""What a line search is: a generator that yields lengths and is sent back what was found there.

Along a direction d from a point w the loss is φ(t) = loss(w + t d), φ′(t) = ∇loss(w + t d)ᵀ d. A search yields a
length t, is sent a `LinePoint` (t, φ(t), φ′(t)), and returns the length it decided for, or None if it found none lower.
So it stays straight-line code and yet knows nothing of objectives.

A generator cannot be copied or pickled. Whoever runs a search keeps the looks instead, and `next_move` runs it
again over them: a handful of floating-point operations, and a state that is plain data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from typing import ClassVar, NamedTuple

__all__ = ["LinePoint", "LineSearch", "Lookout", "next_move"]


class LinePoint(NamedTuple):
    """What was found at one length."""

    length: float
    value: float  # φ(t); +inf where the loss overflowed
    slope: float  # φ′(t); NaN for searches that do not need it, and where the loss overflowed


Lookout = Generator[float, LinePoint, float | None]
"""A search under way."""


class LineSearch(ABC):
    """A frozen dataclass of a search's constants."""

    name: ClassVar[str]  # What options call it by
    needs_slope: ClassVar[bool] = False  # Whether it needs φ′ at the lengths it tries

    @abstractmethod
    def search(self, start: LinePoint, first: float) -> Lookout:
        """Look for a length that lowers φ enough."""


def next_move(
    search: LineSearch, start: LinePoint, first: float, looks: Sequence[LinePoint]
) -> tuple[float | None, bool]:
    """Run a search over the looks so far, and say what it wants next."""
    lookout = search.search(start, first)
    try:
        length = next(lookout)
        for look in looks:
            length = lookout.send(look)
    except StopIteration as end:
        return end.value, True
    return length, False
