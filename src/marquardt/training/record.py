"""The record of a run: every epoch's numbers, and why it ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.checks import one_of
from marquardt.errors import DataError
from marquardt.json_values import Exported, from_json, to_json
from marquardt.training.division import AnyParts, HashedParts, Parts
from marquardt.training.stops import Limits, Stop

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Epoch", "Record", "epoch_line", "gradient_name"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """The numbers of one epoch, epoch 0 being the start.

    Parameters
    ----------
    epoch : int
        Accepted steps so far.
    performance : float
        On the training part: mse in the target's units for squares, otherwise the mean loss.
    validation, test : float
        The same on the other parts; NaN where there are none.
    gradient : float
        Norm of the gradient of the mean loss.
    mu : float
        Damping after the epoch; NaN for rules without one.
    validation_fails : int
        Epochs in a row without a better validation performance.
    seconds : float
        Since the start.
    trials : int
        Steps attempted in this epoch, the accepted one included.
    loss : float
        As minimized: a sum, penalty included, in scaled units.
    quantities : dict of str to float
        What else the algorithm reports of the epoch, such as a rate, or alpha, beta and gamma.
    """

    epoch: int
    performance: float
    validation: float
    test: float
    gradient: float
    mu: float
    validation_fails: int
    seconds: float
    trials: int
    loss: float
    quantities: Mapping[str, float] = field(default_factory=dict)

    def at(self, epoch: int, seconds: float) -> Epoch:
        """Return the same numbers as those of another epoch and time, as where several runs are one."""
        return Epoch(
            epoch,
            self.performance,
            self.validation,
            self.test,
            self.gradient,
            self.mu,
            self.validation_fails,
            seconds,
            self.trials,
            self.loss,
            self.quantities,
        )


FIELDS = tuple(f.name for f in fields(Epoch) if f.name != "quantities")
WHOLE = {f.name for f in fields(Epoch) if f.type == "int"}


@dataclass(eq=False)
class Record(Exported):
    """What happened in a run. It grows while the run goes on.

    Parameters
    ----------
    algorithm : str
        Name of the step rule.
    settings : dict
        Its hyper-parameters and the limits of the run.
    metric : str
        What `performance` is: ``"mse"``, ``"cross_entropy"`` or ``"loss"``.
    parts : Parts or HashedParts
        The division of the samples; for data larger than memory only its counts.
    epochs : list of Epoch
        Epoch 0 is the start.
    stop : Stop, optional
        Why the run ended; None while it goes on.
    best_epoch : int
        The epoch whose weights are returned.
    evaluations : dict of str to int
        How often the training part was evaluated, by what was asked for: ``"value"``, ``"gradient"``, ``"normal"``,
        ``"product"``, ``"hessian"``. Each includes a value; all but the first, a gradient.

    Examples
    --------
    >>> record = Record("levenberg_marquardt", {}, "mse", Parts.all_training(8))
    >>> record.num_epochs
    0
    """

    algorithm: str
    settings: dict[str, Any]
    metric: str
    parts: AnyParts
    epochs: list[Epoch] = field(default_factory=list)
    stop: Stop | None = None
    best_epoch: int = 0
    evaluations: dict[str, int] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """What `column` takes: the fields of `Epoch`, then what the algorithm reports."""
        reported = dict.fromkeys(name for epoch in self.epochs for name in epoch.quantities)
        return (*FIELDS, *reported)

    def column(self, name: str) -> Array:
        """Return one quantity over the epochs.

        Parameters
        ----------
        name : str
            One of `columns`.

        Returns
        -------
        ndarray of shape (n_epochs + 1,)
            From the start to the last epoch; NaN where the quantity was not reported.

        Raises
        ------
        ConfigurationError
            If there is no such quantity.
        """
        return np.array(self._values(name), dtype=np.float64)

    def _values(self, name: str) -> list[Any]:
        if name in FIELDS:
            return [getattr(epoch, name) for epoch in self.epochs]
        one_of(name, self.columns, "A quantity of the record")
        return [epoch.quantities.get(name, math.nan) for epoch in self.epochs]

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are returned."""
        return self.epochs[self.best_epoch]

    @property
    def has_learned_nothing(self) -> bool:
        """Whether the algorithm gave up at the start: what is returned are the starting weights."""
        return self.stop is not None and self.stop.code in ("mu", "step", "diverged") and self.best_epoch == 0

    @property
    def seconds(self) -> float:
        """Time from the start to the last epoch."""
        return self.epochs[-1].seconds if self.epochs else 0.0

    # The toolbox's names for the same things.

    @property
    def num_epochs(self) -> int:
        """Epochs done."""
        return max(0, len(self.epochs) - 1)

    @property
    def perf(self) -> Array:
        """Training performance, epoch by epoch."""
        return self.column("performance")

    @property
    def vperf(self) -> Array:
        """Validation performance, epoch by epoch."""
        return self.column("validation")

    @property
    def tperf(self) -> Array:
        """Test performance, epoch by epoch."""
        return self.column("test")

    @property
    def epoch(self) -> Array:
        """Numbers of the epochs."""
        return self.column("epoch")

    @property
    def time(self) -> Array:
        """Seconds since the start, epoch by epoch."""
        return self.column("seconds")

    @property
    def mu(self) -> Array:
        """Damping, epoch by epoch."""
        return self.column("mu")

    @property
    def gradient(self) -> Array:
        """Norm of the gradient of the mean loss, epoch by epoch."""
        return self.column("gradient")

    @property
    def val_fail(self) -> Array:
        """Validation failures in a row, epoch by epoch."""
        return self.column("validation_fails")

    @property
    def best_perf(self) -> float:
        """Training performance at the best epoch."""
        return self.best.performance if self.epochs else math.nan

    @property
    def best_vperf(self) -> float:
        """Validation performance at the best epoch."""
        return self.best.validation if self.epochs else math.nan

    @property
    def best_tperf(self) -> float:
        """Test performance at the best epoch."""
        return self.best.test if self.epochs else math.nan

    @property
    def goal(self) -> float:
        """The performance goal."""
        return float(self.settings.get("goal", 0.0))

    @property
    def trainFcn(self) -> str:  # noqa: N802
        """Name of the algorithm."""
        return self.algorithm

    @property
    def trainParam(self) -> dict[str, Any]:  # noqa: N802
        """Settings of the algorithm and limits of the run."""
        return self.settings

    @property
    def performFcn(self) -> str:  # noqa: N802
        """Name of the performance."""
        return self.metric

    @property
    def trainInd(self) -> Indices:  # noqa: N802
        """Rows of the training part, from 0."""
        return self._rows().train

    @property
    def valInd(self) -> Indices:  # noqa: N802
        """Rows of the validation part, from 0."""
        return self._rows().validation

    @property
    def testInd(self) -> Indices:  # noqa: N802
        """Rows of the test part, from 0."""
        return self._rows().test

    def _rows(self) -> Parts:
        """The division by row numbers, or an error where they are not kept."""
        if isinstance(self.parts, HashedParts):
            self.parts.named()
        assert isinstance(self.parts, Parts)
        return self.parts

    # Out of Python, and back.

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values.

        Returns
        -------
        dict
            What `from_dict` reads. NaN and infinity, which JSON does not have, are None and ``"inf"``.
        """
        return {
            "algorithm": self.algorithm,
            "settings": {key: to_json(value) for key, value in self.settings.items()},
            "metric": self.metric,
            "parts": self._parts_to_dict(),
            "best_epoch": self.best_epoch,
            "stop": None if self.stop is None else asdict(self.stop),
            "evaluations": dict(self.evaluations),
            "epochs": {name: [to_json(value) for value in self._values(name)] for name in self.columns},
        }

    def _parts_to_dict(self) -> dict[str, Any]:
        if isinstance(self.parts, HashedParts):
            return {"hashed": asdict(self.parts)}
        return {
            "train": self.parts.train.tolist(),
            "validation": self.parts.validation.tolist(),
            "test": self.parts.test.tolist(),
        }

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Record:
        """Build a record from what `to_dict` returned.

        Parameters
        ----------
        description : mapping
            Plain values.

        Returns
        -------
        Record
            Equal, bit for bit.

        Raises
        ------
        DataError
            If a key is missing or a value cannot be.
        """
        try:
            parts = description["parts"]
            columns = description["epochs"]
            reported = [name for name in columns if name not in FIELDS]
            kinds: list[Any] = [int if name in WHOLE else _float for name in FIELDS]
            epochs = []
            for row in zip(*(columns[name] for name in (*FIELDS, *reported)), strict=True):
                known = [kind(value) for kind, value in zip(kinds, row[: len(FIELDS)], strict=True)]
                values = [_float(value) for value in row[len(FIELDS) :]]
                epochs.append(replace(Epoch(*known), quantities=dict(zip(reported, values, strict=True))))
            record = cls(
                algorithm=str(description["algorithm"]),
                settings={key: from_json(value) for key, value in description["settings"].items()},
                metric=str(description["metric"]),
                parts=_parts(parts),
                epochs=epochs,
                stop=None if description["stop"] is None else Stop(**description["stop"]),
                best_epoch=int(description["best_epoch"]),
                evaluations={str(key): int(value) for key, value in description.get("evaluations", {}).items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"This does not describe a training record: {type(error).__name__}: {error}.") from error
        if epochs and not 0 <= record.best_epoch < len(epochs):
            raise DataError(f"The record's best epoch {record.best_epoch} is not among its {len(epochs)} epochs.")
        return record

    def to_table(self) -> pyarrow.Table:
        """Return the epochs as an Arrow table, a column for each of `columns`.

        Returns
        -------
        pyarrow.Table
            A row an epoch.
        """
        import pyarrow

        return pyarrow.table(self.to_columns())

    def to_columns(self) -> dict[str, Any]:
        """Return the epochs by `columns`.

        Returns
        -------
        dict
            An array for each of `columns`.
        """
        return {name: self._values(name) for name in self.columns}


def _parts(description: Mapping[str, Any]) -> AnyParts:
    if "hashed" in description:
        return HashedParts(**description["hashed"])
    return Parts(*(np.array(description[name], dtype=np.intp) for name in ("train", "validation", "test")))


def _float(value: Any) -> float:
    return float(from_json(value))


def gradient_name(metric: str) -> str:
    """Return what the gradient of a run is called on the screen: it is that of a mean, not of the loss, a sum."""
    return "mse gradient" if metric == "mse" else "loss gradient"


def epoch_line(epoch: Epoch, record: Record, limits: Limits) -> str:
    """Return an epoch as one line, each quantity as value/limit."""
    goal = f"/{limits.goal:g}" if record.metric == limits.goal_metric else ""
    cells = [
        f"epoch {epoch.epoch}/{limits.max_epochs}",
        f"{record.metric} {epoch.performance:.4g}{goal}",
        f"{gradient_name(record.metric)} {epoch.gradient:.2g}/{limits.min_gradient:g}",
    ]
    if not math.isnan(epoch.mu):
        cells.append(f"mu {epoch.mu:.0e}/{record.settings['mu_max']:.0e}")
    if not math.isnan(epoch.validation):
        cells.append(f"validation {epoch.validation:.4g}")
        cells.append(f"checks {epoch.validation_fails}/{limits.max_fail}")
    return "  ".join(cells)
