"""Training on files, in one call."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marquardt.checks import require_kind
from marquardt.networks import Network
from marquardt.streams.data import FileData
from marquardt.streams.errors import errors_of_parts
from marquardt.streams.files import Files
from marquardt.training import Epoch, Fitting, Record, Settings

__all__ = ["FileTrainingResult", "train_on_files"]


@dataclass(frozen=True, eq=False)
class FileTrainingResult:
    """What `train_on_files` returns.

    Parameters
    ----------
    network : Network
        The best one found.
    record : Record
        How; its parts are counts.
    errors : dict
        Errors by part, as `errors_of_parts` returns them: RMSE, MAE and R² of every target; of classes accuracy,
        cross-entropy and counts. They take a pass of their own over the rows; empty where that was interrupted.
    n_dropped : int
        Rows that were left out for a missing value.
    """

    network: Network
    record: Record
    errors: dict[str, Any]
    n_dropped: int


def train_on_files(
    files: Files,
    settings: Settings | None = None,
    *,
    task: str = "regression",
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    missing: str = "refuse",
    on_epoch: Callable[[Epoch], object] | None = None,
) -> FileTrainingResult:
    """Train a network on rows that need not fit into memory; an interrupt (Ctrl-C) keeps the best weights.

    Parameters
    ----------
    files : Files
        The rows: `TableFiles` for numbers in Parquet and Arrow files, `ArrayFiles` for ``.npy``, and
        `marquardt.tables.CodedFiles` for columns of any kind.
    settings : Settings, optional
        Network, algorithm and limits; the defaults when not given.
    task : str
        ``"regression"``, or ``"classification"`` into two classes for one target of 0 and 1, into more for a target a
        class.
    validation, test : float
        Fractions of the rows, chosen by a hash of each row's content.
    seed : int
        Of the hash; that of the starting weights is in the settings.
    missing : str
        ``"refuse"`` missing values, or ``"drop"`` the rows that have any.
    on_epoch : callable, optional
        Called with every `Epoch`.

    Returns
    -------
    FileTrainingResult
        Network, record and errors.

    Raises
    ------
    MarquardtError
        Whatever the files, the settings or the training refuse.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from marquardt.streams import ArrayFiles
    >>> folder = tempfile.TemporaryDirectory()
    >>> x = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    >>> path = pathlib.Path(folder.name) / "rows.npy"
    >>> np.save(path, np.column_stack([x, np.sin(2 * x[:, 0]) * x[:, 1]]))
    >>> result = train_on_files(ArrayFiles(path, target_columns=[2]), Settings(hidden_layer_sizes=6, seed=0))
    >>> result.errors["test"]["targets"]["rows[2]"]["r2"] > 0.99
    True
    >>> folder.cleanup()
    """
    settings = Settings() if settings is None else settings
    require_kind(settings, Settings, "settings", "Make them: Settings(hidden_layer_sizes=10).")
    n_targets = len(getattr(files, "target_names", ()))  # a path alone is refused below
    classes = range(max(2, n_targets)) if task == "classification" else ()
    data = FileData(files, validation=validation, test=test, seed=seed, missing=missing, classes=classes)
    fitting = Fitting.of(data, settings, task)
    try:
        for epoch in fitting:
            if on_epoch is not None:
                on_epoch(epoch)
    except KeyboardInterrupt:
        fitting.stop_by_user()
        if not fitting.record.num_epochs:
            raise
    network = fitting.network
    try:
        errors = errors_of_parts(network, data, task)
    except KeyboardInterrupt:
        warnings.warn("The errors were interrupted and are left out; the network is the best one.", stacklevel=2)
        errors = {}
    return FileTrainingResult(network, fitting.record, errors, data.n_dropped)
