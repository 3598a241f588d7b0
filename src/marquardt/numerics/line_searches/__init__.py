"""One-dimensional minimizations along a direction, as generators; and the catalogue that names them."""

from __future__ import annotations

from marquardt.checks import one_of, require_settings
from marquardt.numerics.line_searches.backtracking import Backtracking
from marquardt.numerics.line_searches.search import LineSearch, Look, Lookout, next_move

__all__ = ["LINE_SEARCHES", "Backtracking", "LineSearch", "Look", "Lookout", "line_search_named", "next_move"]

LINE_SEARCHES: dict[str, type[LineSearch]] = {
    "backtracking": Backtracking,
    "srchbac": Backtracking,
}
"""Every line search by its names: its own, and the toolbox's."""


def line_search_named(name: str, **settings: float) -> LineSearch:
    """Put a line search together.

    Parameters
    ----------
    name : str
        One of `LINE_SEARCHES`.
    **settings
        Its constants.

    Returns
    -------
    LineSearch
        The search.

    Raises
    ------
    ConfigurationError
        For an unknown name, an unknown setting or one that cannot be.

    Examples
    --------
    >>> line_search_named("backtracking").needs_slope
    False
    """
    kind = LINE_SEARCHES[one_of(name, LINE_SEARCHES, "line_search")]
    require_settings(kind, settings, name)
    return kind(**settings)
