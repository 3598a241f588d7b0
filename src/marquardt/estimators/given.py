"""What is given to an estimator that cannot be used, or hardly as it is meant: said in our words, by its place."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from marquardt.arrays import AnyArray, refuse_times
from marquardt.errors import DataError

__all__ = ["refuse_gaps", "refuse_repeated_names", "refuse_unusable", "warn_of_another_order"]


def refuse_repeated_names(X: Any) -> None:
    """Refuse a frame with two columns of one name: later frames are compared with it by name."""
    names = list(getattr(X, "columns", ()))
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            f"X has {names.count(repeated[0])} columns of the name {repeated[0]!r}: which is which? Give every column "
            f"a name of its own, or give the numbers without names: X.to_numpy()."
        )


def warn_of_another_order(X: Any, *, stacklevel: int, **beside: Any) -> None:
    """Warn of labels of rows that are X's in another order: rows are taken by position, which is hardly meant.

    A refusal would be too much: a permutation test shuffles the targets so.
    """
    index = _labels(X)
    for what, given in beside.items():
        other = _labels(given)
        if index is None or other is None or len(index) != len(other) or index.equals(other):
            continue
        try:
            is_reordered = index.sort_values().equals(other.sort_values())
        except TypeError:  # labels that cannot be compared
            continue
        if is_reordered:
            place = int(np.argmax(np.asarray(index != other)))
            here, there = index[[place]].tolist()[0], other[[place]].tolist()[0]
            warnings.warn(
                f"{what} has the rows of X in another order: row {place} of X is {here!r}, of {what} {there!r}. Rows "
                f"go together by their position here. If these belong together by label, give {what}.loc[X.index]; "
                f"{what}.to_numpy() says that the order is right.",
                UserWarning,
                stacklevel=stacklevel,
            )


def _labels(given: Any) -> Any:
    """The labels of the rows, of pandas only."""
    return getattr(given, "index", None) if type(given).__module__.partition(".")[0] == "pandas" else None


def refuse_unusable(given: Any, what: str) -> None:
    """Refuse, of what scikit-learn has refused, a gap, an infinity or a complex number by its place."""
    try:
        refuse_times(np.asarray(given), what)
        if type(given).__module__.partition(".")[0] == "pandas":
            numbers = given.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            numbers = np.asarray(given, dtype=np.float64)
    except DataError:
        raise
    except (TypeError, ValueError):
        return  # no numbers, which scikit-learn's own words are about
    refuse_gaps(numbers, what, list(getattr(given, "columns", ())), _labels(given))


def refuse_gaps(numbers: AnyArray, what: str, names: Sequence[Any] = (), index: Any = None) -> None:
    """Refuse NaN and infinity by their place."""
    wrong = np.argwhere(~np.isfinite(numbers))
    if np.ndim(numbers) == 0 or not len(wrong):
        return
    row, *column = wrong[0].tolist()
    label = row if index is None else index[[row]].tolist()[0]
    where = f"row {row}" if label == row else f"row {row} ({label!r})"
    if column:
        where += f", column {(names[column[0]] if len(names) else column[0])!r}"
    is_gap = np.isnan(numbers[tuple(wrong[0])])
    n_more = len(np.unique(wrong[:, 0])) - 1
    more = "" if not n_more else " and in 1 row more" if n_more == 1 else f" and in {n_more:,} rows more"
    way_out = "Leave such rows out" if what == "y" else "Leave such rows out, or correct them"
    if is_gap and what == "X":
        way_out = "Leave such rows out, or fill the gaps before, such as by SimpleImputer in a pipeline"
    raise DataError(f"{what} must be finite, got {'NaN' if is_gap else 'infinity'} in {where}{more}. {way_out}.")
