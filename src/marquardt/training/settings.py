"""Everything a user may choose about a network and its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from marquardt.algorithms import algorithm_named
from marquardt.checks import memory_size, one_of, positive, whole
from marquardt.errors import ConfigurationError
from marquardt.losses import LOSSES, ROBUST, Loss, WeightDecay, loss_named
from marquardt.networks import INITIALIZATIONS, SCALINGS, TOPOLOGIES, LayerGraph, activation_named, hidden_sizes
from marquardt.objective import FORMS
from marquardt.training.stops import Limits
from marquardt.wording import called

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What can be chosen about a network and its training.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; empty for a linear network.
    activation : str
        Of the hidden layers.
    topology : str or LayerGraph
        One of `TOPOLOGIES`, or a graph of your own, which leaves the two above unused.
    loss : str
        ``"auto"`` (squares for regression, cross-entropy for classification) or one of `LOSSES`.
    loss_scale : float, optional
        Scale of a robust loss, in scaled-target units; taken from the residuals when not given (see `Training`).
    alpha : float, sequence of float or "auto"
        Weight decay ½ α Σ w², one number or one a layer. ``"auto"`` chooses one a layer from the data
        (see `EvidenceTraining`); with a validation part, which guards against fitting the noise in its own way,
        it means 1e-4, and so it does above 1,000 weights and residuals with an algorithm that does not solve the normal
        equations.
    initialization : str
        One of `INITIALIZATIONS`.
    spread : float
        Half width of the start ``"uniform"``.
    input_scaling, target_scaling : str
        One of `SCALINGS`. Targets are scaled for regression only, with ``"auto"`` to [−1, 1], but by their median where
        the scale of a robust loss is taken from the residuals: the outliers must not set the unit.
    algorithm : str
        ``"auto"``, which chooses by the sizes of the problem (see `marquardt.algorithms.choose`), or one of
        `ALGORITHMS`, alone or with settings: ``"lm(mu_init=0.01)"``.
    rule : dict
        Hyper-parameters of the algorithm, such as ``{"mu_init": 0.01}``; with ``"auto"`` they mean Levenberg–Marquardt.
    limits : Limits
        What ends a run.
    restarts : int
        Runs from different starts; the best is kept.
    seed : int, optional
        Of the starts.
    form : str
        How the normal equations are summed or solved: one of `FORMS`.
    threads : int, optional
        Threads for one run; chosen by the size of the problem when not given.
    max_memory : int or str, optional
        Bytes, or a text such as ``"500MB"``, that training may take beyond the data: form, blocks and an algorithm that
        is chosen keep within it. The machine's memory when not given.
    jobs : int
        Restarts that go on at a time, where runs are long enough for it to pay and the machine's memory allows it. The
        result does not depend on it.

    Raises
    ------
    ConfigurationError
        If a choice cannot be; the message names it.

    Examples
    --------
    >>> Settings(hidden_layer_sizes=(20,), rule={"mu_init": 0.1}).restarts
    1
    """

    hidden_layer_sizes: Any = (10,)
    activation: str = "tanh"
    topology: str | LayerGraph = "feed_forward"
    loss: str = "auto"
    loss_scale: float | None = None
    alpha: Any = 0.0
    initialization: str = "nguyen_widrow"
    spread: float = 1.0
    input_scaling: str = "minmax"
    target_scaling: str = "auto"
    algorithm: str = "levenberg_marquardt"
    rule: dict[str, float] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    restarts: int = 1
    seed: int | None = None
    form: str = "auto"
    threads: int | None = None
    max_memory: int | str | None = None
    jobs: int = 1

    def __post_init__(self) -> None:
        hidden_sizes(self.hidden_layer_sizes)
        if not activation_named(self.activation).elementwise:
            raise ConfigurationError(f"Hidden layers cannot be {self.activation}: its units depend on each other.")
        if not isinstance(self.topology, LayerGraph):
            one_of(self.topology, TOPOLOGIES, "topology, if it is no LayerGraph,")
        one_of(self.loss, ("auto", "cross_entropy", *LOSSES), "loss")
        if self.loss_scale is not None and self.loss not in ROBUST:
            raise ConfigurationError(
                f"{called('loss_scale')} belongs to the losses 'huber', 'cauchy' and 'soft_l1', got the loss "
                f"{self.loss!r}."
            )
        if isinstance(self.alpha, str):
            one_of(self.alpha, ("auto",), "alpha, if it is not a number,")
        else:
            WeightDecay(self.alpha)
        if self.loss_scale is not None:
            positive(self.loss_scale, "loss_scale")
            loss_named(self.loss, scale=self.loss_scale)
        one_of(self.initialization, INITIALIZATIONS, "initialization")
        positive(self.spread, "spread")
        one_of(self.input_scaling, SCALINGS, "input_scaling")
        one_of(self.target_scaling, ("auto", *SCALINGS), "target_scaling")
        algorithm_named("levenberg_marquardt" if self.algorithm == "auto" else self.algorithm, **self.rule)
        whole(self.restarts, "restarts", minimum=1)
        if self.seed is not None:
            whole(self.seed, "seed")
        one_of(self.form, FORMS, "form")
        if self.threads is not None:
            whole(self.threads, "threads", minimum=1)
        if self.max_memory is not None:
            memory_size(self.max_memory, "max_memory")
        whole(self.jobs, "jobs", minimum=1)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Return the settings of one mapping: fields of `Settings` and of `Limits`, and what else is the rule's.

        Parameters
        ----------
        values : mapping
            By their names, such as ``{"restarts": 5, "max_epochs": 200, "mu_init": 0.01}``.

        Returns
        -------
        Settings
            With the defaults of both for what is not there.

        Raises
        ------
        ConfigurationError
            If a value cannot be.

        Examples
        --------
        >>> Settings.of({"restarts": 5, "max_epochs": 200, "mu_init": 0.01}).limits.max_epochs
        200
        """
        own: dict[str, Any] = {}
        of_limits: dict[str, Any] = {}
        rule: dict[str, Any] = {}
        names, limits = ({each.name for each in fields(kind)} for kind in (cls, Limits))
        for name, value in values.items():
            (own if name in names else of_limits if name in limits else rule)[name] = value
        return cls(**own, limits=Limits(**of_limits), rule=rule)

    @property
    def takes_scale(self) -> bool:
        """Whether the scale of a robust loss is taken from the residuals."""
        return self.loss in ROBUST and (self.loss_scale is None or isinstance(self.loss_scale, str))

    def scaling_of_targets(self, otherwise: str = "minmax") -> str:
        """Return the target scaling, one of `SCALINGS`.

        Parameters
        ----------
        otherwise : str
            What ``"auto"`` means where it is not ``"robust"``.
        """
        if self.target_scaling != "auto":
            return self.target_scaling
        return "robust" if self.takes_scale else otherwise

    def loss_for(self, task: str, n_classes: int = 0) -> Loss:
        """Return the loss for a task.

        Parameters
        ----------
        task : str
            ``"regression"`` or ``"classification"``.
        n_classes : int
            Number of classes.

        Returns
        -------
        Loss
            Logistic cross-entropy for two classes, softmax for more.

        Raises
        ------
        ConfigurationError
            If the loss does not suit the task.
        """
        cross_entropies = ("cross_entropy", "logistic_cross_entropy", "softmax_cross_entropy")
        if task == "regression":
            if self.loss in cross_entropies:
                raise ConfigurationError(
                    f"The loss {self.loss!r} is for classification, and this is regression. Use 'squares' or 'huber'."
                )
            name = "squares" if self.loss == "auto" else self.loss
            return loss_named(name) if self.loss_scale is None else loss_named(name, scale=self.loss_scale)
        fitting = "logistic_cross_entropy" if n_classes == 2 else "softmax_cross_entropy"
        if self.loss in ("auto", "cross_entropy", fitting):
            return loss_named(fitting)
        if self.loss == "squares":
            return loss_named("squares")
        raise ConfigurationError(
            f"Classification with {n_classes} classes takes the loss 'cross_entropy' or 'squares', got {self.loss!r}."
        )
