"""A problem: everything but the algorithm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from marquardt.arrays import Array, ArrayLike, as_array, require_finite
from marquardt.checks import one_of, positive, whole
from marquardt.errors import DataError, ShapeError
from marquardt.losses import Loss, Squares
from marquardt.networks import INITIALIZATIONS, SCALINGS, LayerGraph, Network, Scaling, initial_weights
from marquardt.training import Limits

__all__ = ["Problem"]


@dataclass(frozen=True, eq=False)
class Problem:
    """A network to be trained on data until a goal is met, from starts that are drawn.

    Parameters
    ----------
    name : str
        What results call it by.
    graph : LayerGraph
        The network.
    inputs : array-like of shape (n_samples, n_inputs)
        All samples train.
    targets : array-like of shape (n_samples, n_outputs)
        In the units that the goal is given in.
    goal : float
        What a run has to reach.
    goal_metric : str
        ``"mse"``, ``"sse"``, ``"rmse"`` or ``"loss"``, as in `Limits`.
    loss : Loss, optional
        Squares when not given.
    initialization : str
        One of `INITIALIZATIONS`.
    spread : float
        Half width of the start ``"uniform"``.
    max_epochs : int
        Accepted steps that a run is given, unless a comparison says otherwise.
    max_seconds : float
        Time that a run is given, likewise.
    input_scaling, target_scaling : str
        One of `SCALINGS`: how the network sees the data.
    source : str
        Where the data come from and how the goal was set.

    Raises
    ------
    ShapeError
        If the data do not fit the network or each other.
    DataError
        If there is no sample, or a value is not finite.
    ConfigurationError
        If a choice cannot be.

    Examples
    --------
    >>> from marquardt.networks import feed_forward
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> problem = Problem("cubic", feed_forward(1, 3, 1), x, x**3, goal=1e-4)
    >>> problem.n_samples, problem.start(0).n_weights
    (20, 10)
    """

    name: str
    graph: LayerGraph
    inputs: Array
    targets: Array
    goal: float
    goal_metric: str = "mse"
    loss: Loss | None = None
    initialization: str = "nguyen_widrow"
    spread: float = 1.0
    max_epochs: int = 1000
    max_seconds: float = math.inf
    input_scaling: str = "none"
    target_scaling: str = "none"
    source: str = ""

    def __post_init__(self) -> None:
        for what, width in (("inputs", self.graph.n_inputs), ("targets", self.graph.n_outputs)):
            object.__setattr__(self, what, _table(getattr(self, what), what, width))
        if len(self.inputs) != len(self.targets):
            raise ShapeError(
                f"inputs and targets must have as many rows, got {len(self.inputs)} and {len(self.targets)}."
            )
        positive(self.goal, "the goal of a problem")
        positive(self.spread, "spread")
        one_of(self.initialization, INITIALIZATIONS, "initialization")
        one_of(self.input_scaling, SCALINGS, "input_scaling")
        one_of(self.target_scaling, SCALINGS, "target_scaling")
        limits = Limits(self.max_epochs, self.max_seconds, self.goal, self.goal_metric)
        limits.check_metric((Squares() if self.loss is None else self.loss).metric)

    @property
    def n_samples(self) -> int:
        """Samples."""
        return len(self.inputs)

    def start(self, number: int, seed: int = 0) -> Network:
        """Return the network as a run begins with it.

        Parameters
        ----------
        number : int
            Which of the starts, from 0. A start does not depend on how many there are.
        seed : int
            Of all the starts.

        Returns
        -------
        Network
            With newly drawn weights.
        """
        whole(number, "the number of a start")
        whole(seed, "seed")
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        scaling = _scaling(self.input_scaling, self.inputs)
        scaled = scaling.apply(self.inputs)
        weights = initial_weights(
            self.graph,
            self.initialization,
            rng,
            spread=self.spread,
            input_range=np.stack([scaled.min(axis=0), scaled.max(axis=0)], axis=1),
        )
        return Network(self.graph, weights, scaling, _scaling(self.target_scaling, self.targets))

    def describe(self) -> str:
        """Return the problem in one line.

        Returns
        -------
        str
            Name, network, weights, samples and goal.
        """
        return (
            f"{self.name}: {self.graph.describe()}, {self.graph.n_weights} weights, {self.n_samples} samples, "
            f"goal {self.goal_metric} {self.goal:g}"
        )


def _scaling(kind: str, table: Array) -> Scaling:
    # Fitted, even "none" would silence a constant column.
    return Scaling.none(table.shape[1]) if kind == "none" else Scaling.fit(kind, table)


def _table(values: ArrayLike, what: str, width: int) -> Array:
    table = as_array(values).copy()
    if table.ndim == 1 and width == 1:
        table = table[:, None]
    if table.ndim != 2 or table.shape[1] != width:
        raise ShapeError(f"{what} must be of shape (n_samples, {width}) for this network, got {table.shape}.")
    if len(table) == 0:
        raise DataError("A problem needs at least one sample.")
    require_finite(table, what)
    table.setflags(write=False)
    return table
