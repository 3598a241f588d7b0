"""Nonlinear conjugate gradients, one rule a factor; and one that takes the factor as a setting.

The derivation, the papers and the departures from them are in `marquardt.algorithms.conjugate_directions`, the factors
in `marquardt.numerics.conjugate`.
"""

from __future__ import annotations

from dataclasses import dataclass

from marquardt.algorithms.conjugate_directions import BETAS, ConjugateDirections
from marquardt.checks import one_of

__all__ = ["ConjugateGradient", "FletcherReeves", "HestenesStiefel", "PolakRibiere", "PowellBeale"]


@dataclass(frozen=True)
class ConjugateGradient(ConjugateDirections):
    """Nonlinear conjugate gradients with any factor.

    Parameters
    ----------
    line_search : LineSearch or str
        The search, or its name.
    reset : int, optional
        Searches from one restart to the next; as many as there are weights when not given.
    beta : str
        One of `BETAS`.

    Raises
    ------
    ConfigurationError
        If a setting cannot be.

    Examples
    --------
    >>> ConjugateGradient(beta="powell_beale", reset=20).search.name
    'strong_wolfe'
    """

    beta: str = "polak_ribiere_plus"

    name = "conjugate_gradient"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self.beta, BETAS, "beta")

    @property
    def formula(self) -> str:
        """The name of the factor."""
        return self.beta


class FletcherReeves(ConjugateDirections):
    """Conjugate gradients with β of Fletcher and Reeves.

    Parameters
    ----------
    line_search : LineSearch or str
        The search, or its name.
    reset : int, optional
        Searches from one restart to the next; as many as there are weights when not given.
    """

    name = "fletcher_reeves"
    formula = "fletcher_reeves"


class PolakRibiere(ConjugateDirections):
    """Conjugate gradients with β of Polak and Ribière, not below 0.

    Parameters
    ----------
    line_search : LineSearch or str
        The search, or its name.
    reset : int, optional
        Searches from one restart to the next; as many as there are weights when not given.
    """

    name = "polak_ribiere"
    formula = "polak_ribiere_plus"


class HestenesStiefel(ConjugateDirections):
    """Conjugate gradients with β of Hestenes and Stiefel.

    Parameters
    ----------
    line_search : LineSearch or str
        The search, or its name.
    reset : int, optional
        Searches from one restart to the next; as many as there are weights when not given.
    """

    name = "hestenes_stiefel"
    formula = "hestenes_stiefel"


class PowellBeale(ConjugateDirections):
    """Conjugate gradients with restarts of Powell and Beale.

    Parameters
    ----------
    line_search : LineSearch or str
        The search, or its name.
    reset : int, optional
        Searches from one restart to the next; as many as there are weights when not given.
    """

    name = "powell_beale"
    formula = "powell_beale"
