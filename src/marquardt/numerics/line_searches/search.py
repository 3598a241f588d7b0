"""What a line search is: a generator that yields lengths and is sent back what was found there.

Along a direction d from a point w the loss is φ(t) = loss(w + t d), φ′(t) = ∇loss(w + t d)ᵀ d. A search yields a
length t, is sent a `Look` (t, φ(t), φ′(t)), and returns the length it decided for, or None if it found none lower.
So it stays straight-line code and yet knows nothing of objectives.

A generator cannot be copied or pickled. Whoever runs a search keeps the looks instead, and `next_move` runs it
again over them: a handful of floating-point operations, and a state that is plain data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from typing import ClassVar, NamedTuple

__all__ = ["LineSearch", "Look", "Lookout", "next_move"]


class Look(NamedTuple):
    """What was found at one length.

    Parameters
    ----------
    length : float
        t.
    value : float
        φ(t); +inf where the loss overflowed.
    slope : float
        φ′(t); NaN for searches that do not need it, and where the loss overflowed.
    """

    length: float
    value: float
    slope: float


Lookout = Generator[float, Look, float | None]
"""A search under way."""


class LineSearch(ABC):
    """A frozen dataclass of a search's constants.

    Attributes
    ----------
    name : str
        What options call it by.
    needs_slope : bool
        Whether it needs φ′ at the lengths it tries.
    """

    name: ClassVar[str]
    needs_slope: ClassVar[bool] = False

    @abstractmethod
    def search(self, start: Look, first: float) -> Lookout:
        """Look for a length that lowers φ enough.

        Parameters
        ----------
        start : Look
            At length 0; its slope is negative.
        first : float
            A positive guess to begin with.

        Yields
        ------
        float
            A positive length to look at.

        Returns
        -------
        float or None
            The length decided for: one that was looked at, with a lower value than the start's; or None.
        """


def next_move(search: LineSearch, start: Look, first: float, looks: Sequence[Look]) -> tuple[float | None, bool]:
    """Run a search over the looks so far, and say what it wants next.

    Parameters
    ----------
    search : LineSearch
        The search.
    start : Look
        At length 0.
    first : float
        The guess it was begun with.
    looks : sequence of Look
        What was found so far, in order.

    Returns
    -------
    length : float or None
        The next length to look at, or the one decided for; None where the search found none.
    is_decided : bool
        Whether the search is over.

    Examples
    --------
    >>> from marquardt.numerics.line_searches import Backtracking
    >>> next_move(Backtracking(), Look(0.0, 1.0, -2.0), 1.0, [])
    (1.0, False)
    >>> next_move(Backtracking(), Look(0.0, 1.0, -2.0), 1.0, [Look(1.0, 0.5, float("nan"))])
    (1.0, True)
    """
    lookout = search.search(start, first)
    try:
        length = next(lookout)
        for look in looks:
            length = lookout.send(look)
    except StopIteration as end:
        return end.value, True
    return length, False
