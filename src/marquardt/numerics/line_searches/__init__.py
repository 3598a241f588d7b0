"""One-dimensional minimizations along a direction, as generators; and the catalogue that names them."""

from __future__ import annotations

from marquardt.checks import one_of, require_settings
from marquardt.numerics.line_searches.backtracking import Backtracking
from marquardt.numerics.line_searches.brent import Brent
from marquardt.numerics.line_searches.charalambous import Charalambous
from marquardt.numerics.line_searches.golden_section import GoldenSection
from marquardt.numerics.line_searches.hybrid_bisection_cubic import HybridBisectionCubic
from marquardt.numerics.line_searches.search import LinePoint, LineSearch, Lookout, next_move
from marquardt.numerics.line_searches.strong_wolfe import StrongWolfe
from marquardt.spelling import spelled

__all__ = [
    "LINE_SEARCHES",
    "Backtracking",
    "Brent",
    "Charalambous",
    "GoldenSection",
    "HybridBisectionCubic",
    "LinePoint",
    "LineSearch",
    "Lookout",
    "StrongWolfe",
    "line_search_named",
    "next_move",
]

LINE_SEARCHES: dict[str, type[LineSearch]] = {
    "backtracking": Backtracking,
    "srchbac": Backtracking,
    "golden_section": GoldenSection,
    "srchgol": GoldenSection,
    "brent": Brent,
    "srchbre": Brent,
    "strong_wolfe": StrongWolfe,
    "charalambous": Charalambous,
    "srchcha": Charalambous,
    "hybrid_bisection_cubic": HybridBisectionCubic,
    "srchhyb": HybridBisectionCubic,
}
"""Every line search by its names: its own, and the toolbox's."""


def line_search_named(name: str, **settings: float) -> LineSearch:
    """Put a line search together."""
    word, spelled_out = spelled(name, "line_search") if isinstance(name, str) else (name, {})
    kind = LINE_SEARCHES[one_of(word, LINE_SEARCHES, "line_search")]
    together = {**spelled_out, **settings}
    require_settings(kind, together, word)
    return kind(**together)
