"""An estimator goes into a network file, and comes back as it was."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from marquardt._version import __version__
from marquardt.arrays import (
    AnyArray,
)
from marquardt.errors import DataError
from marquardt.training.restarts import RestartSpread, RestartSummary, kept_of, outcome

if TYPE_CHECKING:
    from marquardt.storage import NetworkFile
    from marquardt.tables import TableCoding

__all__ = ["FiledEstimator"]


class FiledEstimator(BaseEstimator):  # type: ignore[misc]
    """The part of an estimator that reads and writes network files. The leaf classes say what they keep."""

    _task: str
    _coding: TableCoding | None = None
    """How a frame's columns become inputs, where the network was trained on a table by the command line."""

    def save(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Write the fitted network to a file that `from_file` and the command line read.

        Parameters
        ----------
        path : path-like
            Where; the usual suffix is ``.marquardt``.
        force : bool
            Whether an existing file may be replaced.

        Raises
        ------
        FileError
            If a file is in the way and `force` is false, or the file cannot be written.
        """
        from marquardt.storage import save

        save(path, self.content(), force=force)

    def content(self) -> NetworkFile:
        """Return what `save` writes.

        Returns
        -------
        NetworkFile
            The network, and all that makes the estimator again.
        """
        from marquardt.storage import INPUT_NAMES, NetworkFile

        check_is_fitted(self, "network_")
        coding = self._coding
        names = getattr(self, "feature_names_in_", None)
        fitted, arrays = self._to_keep()
        about: dict[str, Any] = {
            "marquardt": __version__,
            "estimator": type(self).__name__,
            "parameters": _plain_parameters(self.get_params(deep=False)),
            # With a coding these are names of inputs, and not of columns.
            INPUT_NAMES: None if names is None or coding is not None else [str(name) for name in names],
            "fitted": fitted,
        }
        # A file of an older marquardt may have come without.
        if all(hasattr(self, name) for name in ("attempts_", "spread_", "alpha_")):
            about |= outcome(self.attempts_, self.spread_, self.alpha_)
        elif hasattr(self, "shares_"):
            attempts = [asdict(attempt) for attempt in self.attempts_]
            about |= {"attempts": attempts, "decay": list(self.alpha_), "shares": self.shares_}
        record = getattr(self, "record_", None)
        kept = None if coding is None else coding.to_dict()
        return NetworkFile(
            self.network_, self._task, kept, classes=self._labels(), record=record, about=about, arrays=arrays
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Return a fitted estimator from a network file.

        A file that the command line wrote gives an estimator that finds the columns of a frame by their names and
        codes words, true/false and gaps as they were in training. Of an array the columns are its inputs, that is
        the columns after coding, in the order of the training table.

        Parameters
        ----------
        path : path-like
            What `save`, or the command line, wrote.

        Returns
        -------
        NetworkEstimator
            Of this class, with all attributes that `fit` sets.

        Raises
        ------
        FileError
            If the file cannot be read, or what it says does not fit together.
        DataError
            If the file is of another kind of estimator.
        """
        from marquardt.storage import load, section

        content = load(path)
        if content.task != cls._task:
            raise DataError(
                f"{os.fspath(path)} holds a network for {content.task}, and {cls.__name__} is for {cls._task}. "
                f"Use the other estimator."
            )
        about = content.about
        with section(path, "about.parameters"):
            takes = cls._get_param_names()
            given = (about.get("parameters") or {}).items()
            estimator = cls(**{name: _unlisted(value) for name, value in given if name in takes})
        estimator.network_ = content.network
        estimator.n_features_in_ = content.network.graph.n_inputs
        names = content.input_names
        if content.coding is not None:
            from marquardt.tables import TableCoding

            with section(path, "coding"):
                estimator._coding = TableCoding.from_dict(content.coding)
                names = estimator._coding.input_names
                if len(names) != estimator.n_features_in_:
                    raise DataError(f"it makes {len(names)} inputs, and the network has {estimator.n_features_in_}")
        if names is not None:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator.n_layers_ = len(content.network.graph.layers) + 1
        if content.record is not None:
            estimator._note_record(content.record)
        with section(path, "about.attempts, spread, decay"):
            estimator._note_outcome(about)
        with section(path, "about.fitted"):
            fitted = dict(about.get("fitted") or {})
        estimator._require_kept(path, fitted)
        with section(path, "about.fitted"):
            estimator._take_back(fitted, content)
        return estimator

    def _require_kept(self, path: str | os.PathLike[str], fitted: dict[str, Any]) -> None:
        """Refuse a file of another kind of estimator for the same task."""

    def _labels(self) -> tuple[Any, ...] | None:
        return None

    def _to_keep(self) -> tuple[dict[str, Any], dict[str, AnyArray]]:
        """What `_take_back` needs beside the network: plain values, and arrays."""
        return {}, {}

    def _take_back(self, kept: dict[str, Any], content: NetworkFile) -> None:
        """Set the fitted attributes of the leaf class."""

    def _note_outcome(self, about: dict[str, Any]) -> None:
        """Take what a file says of the restarts."""
        if about.get("attempts"):
            self.attempts_ = [RestartSummary(**attempt) for attempt in about["attempts"]]
            if about.get("shares") is None:
                self.kept_ = int(about.get("kept_attempt", kept_of(self.attempts_)))
        if about.get("shares") is not None:
            self.shares_ = {str(kind): float(share) for kind, share in about["shares"].items()}
        if about.get("spread"):
            self.spread_ = RestartSpread(**about["spread"])
        if about.get("decay") is not None:
            self.alpha_ = tuple(float(each) for each in about["decay"])


def _plain_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Those parameters that a file can hold; a random generator cannot be."""
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, np.generic):
            plain[name] = value.item()
        elif isinstance(value, np.ndarray):
            plain[name] = value.tolist()
        elif isinstance(value, range):
            plain[name] = list(value)
        elif value is None or isinstance(value, str | bool | int | float | list | tuple):
            plain[name] = value
    return plain


def _unlisted(value: Any) -> Any:
    """A parameter that was a tuple before it was in a file."""
    return tuple(value) if isinstance(value, list) else value
