"""The record of a run: every epoch's numbers, and why it ended."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from marquardt.arrays import Array, Indices
from marquardt.checks import require_extra
from marquardt.errors import DataError
from marquardt.training.division import Parts
from marquardt.training.stops import Stop

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["Epoch", "Record"]


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


@dataclass(eq=False)
class Record:
    """What happened in a run. It grows while the run goes on.

    Parameters
    ----------
    algorithm : str
        Name of the step rule.
    settings : dict
        Its hyper-parameters and the limits of the run.
    metric : str
        What `performance` is: ``"mse"``, ``"cross_entropy"`` or ``"loss"``.
    parts : Parts
        The division of the samples.
    epochs : list of Epoch
        Epoch 0 is the start.
    stop : Stop, optional
        Why the run ended; None while it goes on.
    best_epoch : int
        The epoch whose weights are returned.

    Examples
    --------
    >>> record = Record("levenberg_marquardt", {}, "mse", Parts.all_training(8))
    >>> record.num_epochs
    0
    """

    algorithm: str
    settings: dict[str, Any]
    metric: str
    parts: Parts
    epochs: list[Epoch] = field(default_factory=list)
    stop: Stop | None = None
    best_epoch: int = 0

    def column(self, name: str) -> Array:
        """Return one quantity over the epochs.

        Parameters
        ----------
        name : str
            A field of `Epoch`.

        Returns
        -------
        ndarray of shape (n_epochs + 1,)
            From the start to the last epoch.
        """
        return np.array([getattr(epoch, name) for epoch in self.epochs], dtype=np.float64)

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are returned."""
        return self.epochs[self.best_epoch]

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
        """Gradient norm, epoch by epoch."""
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
        return self.parts.train

    @property
    def valInd(self) -> Indices:  # noqa: N802
        """Rows of the validation part, from 0."""
        return self.parts.validation

    @property
    def testInd(self) -> Indices:  # noqa: N802
        """Rows of the test part, from 0."""
        return self.parts.test

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
            "settings": {key: _plain(value) for key, value in self.settings.items()},
            "metric": self.metric,
            "parts": {
                "train": self.parts.train.tolist(),
                "validation": self.parts.validation.tolist(),
                "test": self.parts.test.tolist(),
            },
            "best_epoch": self.best_epoch,
            "stop": None if self.stop is None else asdict(self.stop),
            "epochs": {f.name: [_plain(getattr(epoch, f.name)) for epoch in self.epochs] for f in fields(Epoch)},
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
            names = [f.name for f in fields(Epoch)]
            whole_numbers = {f.name for f in fields(Epoch) if f.type == "int"}
            rows = zip(*(columns[name] for name in names), strict=True)
            kinds: list[Any] = [int if name in whole_numbers else lambda v: float(_number(v)) for name in names]
            epochs = [Epoch(*(kind(v) for kind, v in zip(kinds, row, strict=True))) for row in rows]
            record = cls(
                algorithm=str(description["algorithm"]),
                settings={key: _number(value) for key, value in description["settings"].items()},
                metric=str(description["metric"]),
                parts=Parts(*(np.array(parts[name], dtype=np.intp) for name in ("train", "validation", "test"))),
                epochs=epochs,
                stop=None if description["stop"] is None else Stop(**description["stop"]),
                best_epoch=int(description["best_epoch"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"This does not describe a training record: {type(error).__name__}: {error}.") from error
        if epochs and not 0 <= record.best_epoch < len(epochs):
            raise DataError(f"The record's best epoch {record.best_epoch} is not among its {len(epochs)} epochs.")
        return record

    def to_json(self, indent: int | None = None) -> str:
        """Return the record as JSON text.

        Parameters
        ----------
        indent : int, optional
            Spaces a level; one line when not given.

        Returns
        -------
        str
            ``Record.from_dict(json.loads(text))`` gives it back.
        """
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_table(self) -> pyarrow.Table:
        """Return the epochs as an Arrow table, a column a field of `Epoch`.

        Returns
        -------
        pyarrow.Table
            A row an epoch.
        """
        import pyarrow

        return pyarrow.table({f.name: [getattr(epoch, f.name) for epoch in self.epochs] for f in fields(Epoch)})

    def to_frame(self) -> pandas.DataFrame:
        """Return the epochs as a pandas data frame, a column a field of `Epoch`.

        Returns
        -------
        pandas.DataFrame
            A row an epoch, indexed by epoch.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pandas = require_extra("pandas", "pandas")
        frame = pandas.DataFrame([asdict(epoch) for epoch in self.epochs], columns=[f.name for f in fields(Epoch)])
        return frame.set_index("epoch")


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def _number(value: Any) -> Any:
    """The value that `_plain` was given."""
    if value is None:
        return math.nan
    return float(value) if isinstance(value, str) and value in ("inf", "-inf") else value
