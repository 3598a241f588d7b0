"""Who takes part: the script of every contender, its environment, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["FIELD", "Contender"]


@dataclass(frozen=True)
class Contender:
    """One who takes part.

    Parameters
    ----------
    key : str
        What options and files call it.
    name : str
        What tables call it.
    script : str
        In benchmarks/contenders, without its suffix.
    requirements : str
        The file of its environment, without its suffix; empty for the environment that runs the benchmarks.
    settings : dict
        What its script is told.
    stopping : str
        How the goal ends a run.
    is_ours : bool
        Whether it is marquardt.
    only : tuple of str
        Keys of the problems that it takes part in; all when empty.
    """

    key: str
    name: str
    script: str
    requirements: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    stopping: str = "the loss that it computes anyway is looked at and ends the run"
    is_ours: bool = False
    only: tuple[str, ...] = ()


STEPS = "driven step by step"
BUNCHES = "driven step by step; in bunches inside a compiled loop that ends at the goal, where steps are small"
EPOCHS = "driven epoch by epoch"

FIELD = {
    contender.key: contender
    for contender in (
        *(
            Contender(
                f"marquardt-{algorithm}",
                f"marquardt {algorithm}",
                "ours",
                settings={"algorithm": algorithm},
                stopping="its own goal; " + EPOCHS,
                is_ours=True,
            )
            for algorithm in ("auto", "trainlm", "bfgs", "lbfgs")
        ),
        Contender("scipy-lm", "SciPy lm (MINPACK)", "scipy_least_squares", settings={"method": "lm"}),
        Contender("scipy-trf", "SciPy trf", "scipy_least_squares", settings={"method": "trf"}),
        Contender("scipy-lbfgs", "SciPy L-BFGS-B", "scipy_minimize"),
        Contender("sklearn-lbfgs", "scikit-learn lbfgs", "sklearn_network", settings={"solver": "lbfgs"}),
        Contender("sklearn-adam", "scikit-learn adam", "sklearn_network", settings={"solver": "adam"}, stopping=EPOCHS),
        Contender("torch-lm", "torch-levenberg-marquardt", "torch_lm", "torch_lm", stopping=STEPS),
        Contender("torch-lbfgs", "PyTorch L-BFGS", "torch_lbfgs", "torch"),
        Contender("optimistix", "optimistix LM", "optimistix_lm", "optimistix", stopping=BUNCHES),
        Contender("jaxopt", "jaxopt LM", "jaxopt_lm", "jaxopt", stopping=BUNCHES),
        Contender("nlls-gram", "nlls-gram LM", "nlls_gram_lm", "nlls_gram", stopping=BUNCHES),
        Contender("pyrenn", "pyrenn LM", "pyrenn_lm", "pyrenn"),
        Contender("alglib-minlm", "ALGLIB minlm", "alglib", "alglib", {"method": "minlm"}),
        Contender("alglib-minlbfgs", "ALGLIB minlbfgs", "alglib", "alglib", {"method": "minlbfgs"}),
        Contender("textbook", "textbook LM in NumPy", "textbook"),
        Contender("syrk", "SYRK alone of the explicit Jacobian", "syrk", stopping="a yardstick", only=("million",)),
    )
}
"""All contenders by their keys."""
