"""Division of the samples into training, validation and test parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marquardt.arrays import AnyArray, Array, Indices
from marquardt.checks import fraction, one_of, whole
from marquardt.errors import ConfigurationError, DataError

__all__ = [
    "DIVISIONS",
    "AnyParts",
    "Division",
    "HashedParts",
    "Parts",
    "column_keys",
    "content_keys",
    "folds_by_content",
    "split_by_content",
]

DIVISIONS = ("random", "blocks", "interleaved", "indices", "none")

CELL_COPIES = 5
"""Copies from which a row is a cell of a coarse table, such as a truth table, and not one row that was entered twice:
its copies are divided like any other rows. Fewer stay together, so that no row is judged by its twin."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Which samples train, which stop the training and which only watch.

    Parameters
    ----------
    train, validation, test : ndarray of int
        Sorted row numbers from 0; the last two may be empty.

    Raises
    ------
    DataError
        If a row is in two of them, or twice in one.
    """

    train: Indices
    validation: Indices
    test: Indices

    def __post_init__(self) -> None:
        if not len(self.train) + len(self.validation) + len(self.test):
            return
        values, counts = np.unique(np.concatenate([self.train, self.validation, self.test]), return_counts=True)
        if (counts > 1).any():
            raise DataError(f"Sample {values[counts > 1][0]} is named more than once in the division.")

    @classmethod
    def all_training(cls, n_samples: int) -> Parts:
        """Return the division that trains on every sample.

        Parameters
        ----------
        n_samples : int
            Number of samples.

        Returns
        -------
        Parts
            With empty validation and test parts.
        """
        none = np.empty(0, dtype=np.intp)
        parts = cls(none, none, none)
        object.__setattr__(parts, "train", np.arange(n_samples))  # nothing that would have to be looked for twice
        return parts

    def named(self) -> dict[str, Indices]:
        """Return the parts that are not empty, by name.

        Returns
        -------
        dict
            ``"train"``, ``"validation"``, ``"test"``.
        """
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: rows for name, rows in parts.items() if len(rows)}


class Counted:
    """Rows of which only the number is known."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"{self._count} rows chosen by their hash"


@dataclass(frozen=True)
class HashedParts:
    """A division by a hash of every row's content, of which only the counts are kept.

    The hash is a number from 0 up to 1. Rows below `test_share` test, those between it and `test_share` +
    `validation_share` validate, the others train. So the division depends on nothing but the seed and what is in a row,
    not on the order of the rows or the files that they are in; equal rows are always in the same part; and nothing as
    long as the data is held. Where the rows are coarse, that is copies of few, the place of a row is hashed with its
    content, so that the copies are divided.
    """

    n_train: int  # Rows of each part
    n_validation: int = 0
    n_test: int = 0
    validation_share: float = 0.0  # What was asked for
    test_share: float = 0.0
    seed: int = 0  # Of the hash

    @property
    def train(self) -> Counted:
        """The training part: its length is known, its row numbers are not."""
        return Counted(self.n_train)

    @property
    def validation(self) -> Counted:
        """The validation part."""
        return Counted(self.n_validation)

    @property
    def test(self) -> Counted:
        """The test part."""
        return Counted(self.n_test)

    def named(self) -> dict[str, Indices]:
        """Refuse to return row numbers."""
        raise DataError(
            "These rows were divided by a hash of their content, and their numbers are not kept. Divide the rows "
            "you have with `column_keys`, or look at all of them as one part."
        )

    @staticmethod
    def numbers(
        columns: Array, validation_share: float, test_share: float, seed: int, places: AnyArray | None = None
    ) -> AnyArray:
        """Return the part of every row: 0 training, 1 validation, 2 test."""
        keys = column_keys(columns if places is None else np.vstack([columns, places]), seed)
        numbers = np.zeros(len(keys), dtype=np.int8)
        test, both = (
            np.uint64(min(int(share * 2**64), 2**64 - 1)) for share in (test_share, test_share + validation_share)
        )
        numbers[keys < both] = 1
        numbers[keys < test] = 2
        return numbers


AnyParts = Parts | HashedParts


@dataclass(frozen=True)
class Division:
    """How samples are divided.

    Parameters
    ----------
    kind : str
        ``"random"``: a seeded shuffle. ``"blocks"``: the first samples train, the next validate, the last test.
        ``"interleaved"``: the parts take turns through the rows, in proportion. ``"indices"``: as `indices`
        says. ``"none"``: all train.
    validation, test : float
        Fractions of the samples; the rest trains.
    seed : int, optional
        Of the shuffle.
    indices : sequence of three sequences of int, optional
        Row numbers from 0 of the training, validation and test parts, for ``"indices"``.

    Raises
    ------
    ConfigurationError
        For an unknown kind, fractions that leave nothing to train on, a seed below 0, or indices given without
        their kind.

    Examples
    --------
    >>> Division("blocks", validation=0.2, test=0.2).split(10).test
    array([8, 9])
    """

    kind: str = "random"
    validation: float = 0.15
    test: float = 0.15
    seed: int | None = None
    indices: Sequence[Sequence[int]] | None = None

    def __post_init__(self) -> None:
        one_of(self.kind, DIVISIONS, "the division")
        fraction(self.validation, "the validation fraction")
        fraction(self.test, "the test fraction")
        if self.validation + self.test >= 1:
            raise ConfigurationError(
                f"The validation and test fractions leave nothing to train on: {self.validation} + {self.test} >= 1."
            )
        if (self.indices is not None) != (self.kind == "indices"):
            raise ConfigurationError(
                f"The division 'indices' takes row numbers, and no other does: got {self.kind!r} "
                f"{'with' if self.indices is not None else 'without'} indices."
            )
        if self.indices is not None and (not hasattr(self.indices, "__len__") or len(self.indices) != 3):
            raise ConfigurationError(f"indices must be three lists (train, validation, test), got {self.indices!r}.")
        if self.seed is not None:
            whole(self.seed, "the seed of the division")

    def split(self, n_samples: int, classes: AnyArray | None = None) -> Parts:
        """Divide.

        Parameters
        ----------
        n_samples : int
            Number of samples.
        classes : ndarray of shape (n_samples,), optional
            The class of every sample. ``"random"`` then divides class by class, so that every part has its share of
            each, to a sample or two, and every class trains; the other kinds go by the rows' places alone.

        Returns
        -------
        Parts
            Sorted row numbers.

        Raises
        ------
        DataError
            If a part that was asked for would be empty, or an index is out of range or used twice.
        """
        if self.kind == "none":
            return Parts.all_training(n_samples)
        if self.indices is not None:
            return self._given(n_samples, self.indices)
        n_validation, n_test = round(self.validation * n_samples), round(self.test * n_samples)
        n_train = n_samples - n_validation - n_test
        asked = {"validation": (self.validation, n_validation), "test": (self.test, n_test)}
        empty = [name for name, (share, count) in asked.items() if share > 0 and count == 0]
        if n_train < 1:
            empty.append("training")
        if empty:
            raise DataError(
                f"{n_samples} samples are too few to set {self.validation:.0%} aside for validation and "
                f"{self.test:.0%} for testing: nothing is left for {' and '.join(empty)}. "
                f"Give more samples, larger fractions, or the division 'none'."
            )
        counts = (n_train, n_validation, n_test)
        if self.kind == "random":
            order = np.random.default_rng(self.seed).permutation(n_samples)
            if classes is not None:
                order = _by_class(order, np.unique(classes, return_inverse=True)[1], counts)
        elif self.kind == "blocks":
            order = np.arange(n_samples)
        else:
            order = _spread_evenly(counts)
        edges = [n_train, n_train + n_validation]
        train, validation, test = (np.sort(part) for part in np.split(order, edges))
        return Parts(train, validation, test)

    def _given(self, n_samples: int, indices: Sequence[Sequence[int]]) -> Parts:
        parts: list[Indices] = []
        for name, rows in zip(("training", "validation", "test"), indices, strict=True):
            array: AnyArray = np.asarray(rows)
            if array.size == 0:
                array = np.empty(0, dtype=np.intp)
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise DataError(f"The {name} indices must be a list of whole numbers.")
            wrong = array[(array < 0) | (array >= n_samples)]
            if len(wrong):
                raise DataError(
                    f"The {name} index {wrong[0]} is out of range: {n_samples} samples "
                    f"have the numbers 0 to {n_samples - 1}."
                )
            parts.append(np.sort(array.astype(np.intp)))
        if len(parts[0]) == 0:
            raise DataError("The division leaves no sample to train on.")
        return Parts(*parts)  # which refuses a row named twice


def _spread_evenly(counts: Sequence[int]) -> Indices:
    """Places from 0, those of the first part first, every part spread evenly over all of them."""
    # A sample's rank among all places is its row.
    place = np.concatenate([(np.arange(count) + 0.5) / count for count in counts if count])
    return np.argsort(np.argsort(place, kind="stable"), kind="stable")


def _by_class(order: Indices, classes: AnyArray, counts: Sequence[int]) -> Indices:
    """Shuffled samples in the order of the parts, each class spread evenly over them; every class trains."""
    order = order[np.argsort(classes[order], kind="stable")][_spread_evenly(counts)]
    n_train = counts[0]
    trained = np.bincount(classes[order[:n_train]], minlength=classes.max() + 1)
    for place in range(n_train, len(order)):
        label = classes[order[place]]
        if not trained[label]:
            # Takes the place of one of a class that trains most.
            other = int(np.flatnonzero(classes[order[:n_train]] == trained.argmax())[0])
            trained[[trained.argmax(), label]] += [-1, 1]
            order[[place, other]] = order[[other, place]]
    return order


def content_keys(table: Array, seed: int) -> AnyArray:
    """Return a pseudo-random number a row that depends on nothing but its content and the seed."""
    return column_keys(np.ascontiguousarray(table.T), seed)


def column_keys(columns: Array, seed: int) -> AnyArray:
    """Return `content_keys` of a table that is given by its columns."""
    n_columns, n_samples = columns.shape
    odd = np.random.default_rng(seed).integers(0, 2**63, n_columns, dtype=np.uint64)
    multipliers: AnyArray = np.bitwise_or(odd << np.uint64(1), np.uint64(1))
    keys = np.zeros(n_samples, dtype=np.uint64)
    number, mixed = np.empty(n_samples), np.empty(n_samples, dtype=np.uint64)
    # Multiply, then fold the high half down: small differences in a mantissa reach all bits (as in splitmix64).
    for column, multiplier in zip(columns, multipliers, strict=True):
        np.add(column, 0.0, out=number)  # turns −0.0 into 0.0, which is equal but has other bits
        bits = number.view(np.uint64)
        np.right_shift(bits, np.uint64(32), out=mixed)
        mixed ^= bits
        mixed *= multiplier
        keys ^= mixed
        mixed >>= np.uint64(29)
        keys ^= mixed
        keys *= np.uint64(0xBF58476D1CE4E5B9)
    return keys ^ (keys >> np.uint64(31))


def split_by_content(
    table: Array, share: float, seed: int, sample_weight: Array | None = None, classes: AnyArray | None = None
) -> tuple[Indices, Indices]:
    """Set a share of the rows aside, chosen by their content.

    The choice does not depend on the order of the rows; equal rows stay together; a row of weight two counts as
    the same row twice. So training with weights equals training with repeated rows, and no row of the validation
    part has a twin in the training part. Only rows that occur `CELL_COPIES` times or more are divided copy by copy, as
    the cells of a truth table must be: set aside as a whole, a cell could not be learned.
    """
    keys = content_keys(table, seed)
    values, first, group = np.unique(keys, return_index=True, return_inverse=True)
    if len(values) < 2:
        raise DataError("All samples are equal: none can be set aside for validation. Train without early stopping.")
    weight = np.bincount(group, weights=sample_weight, minlength=len(values))
    if np.count_nonzero(weight) < 2:
        raise DataError("All samples with a weight are equal: none can be set aside. Train without early stopping.")
    n_copies = np.bincount(group)
    label = np.zeros(len(values), dtype=np.intp) if classes is None else np.asarray(classes)[first]
    is_cell = n_copies >= CELL_COPIES
    is_aside = _groups_aside(np.where(is_cell, 0.0, weight), label, share, is_cell)
    n_aside = np.where(is_aside, n_copies, 0)
    cells = np.flatnonzero(is_cell)
    cells = cells[np.argsort(label[cells], kind="stable")]
    # Every cell has its share, to a row, and all together have theirs.
    ends = np.floor(share * np.cumsum(n_copies[cells]) + 0.5).astype(np.intp)
    n_aside[cells] = np.minimum(np.diff(ends, prepend=0), n_copies[cells] - 1)
    if not (n_aside * (weight > 0)).any():
        if len(cells):
            n_aside[cells[0]] = 1
        else:
            places, counts = np.unique(label[weight > 0], return_counts=True)
            if counts.max() < 2:
                raise DataError(
                    "No class has two different samples: none can be set aside for validation. Train without early "
                    "stopping."
                )
            most = np.flatnonzero((weight > 0) & (label == places[counts.argmax()]))[0]
            n_aside[most] = n_copies[most]
    # Of the copies those of least weight, whatever order they came in.
    order = np.lexsort((np.zeros(len(table)) if sample_weight is None else sample_weight, group))
    place = np.arange(len(table)) - np.repeat(np.cumsum(n_copies) - n_copies, n_copies)
    chosen = np.zeros(len(table), dtype=bool)
    chosen[order] = place < n_aside[group[order]]
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def folds_by_content(table: Array, n_folds: int, seed: int, classes: AnyArray | None = None) -> list[Indices]:
    """Deal the rows out to folds by their content, each class evenly.

    The folds do not depend on the order of the rows, and equal rows are in one fold; only rows that occur `CELL_COPIES`
    times or more are dealt copy by copy. There are as many folds as asked for, or as there are different rows to deal.
    Rows of a class that has only one different row are in no fold: what does not train cannot be learned.
    """
    keys = content_keys(table, seed)
    values, first, group = np.unique(keys, return_index=True, return_inverse=True)
    label = (
        np.zeros(len(values), dtype=np.intp) if classes is None else np.unique(classes, return_inverse=True)[1][first]
    )
    n_copies = np.bincount(group)
    is_cell = n_copies >= CELL_COPIES
    is_dealt = is_cell | (np.bincount(label)[label] > 1)
    # A deal is a group of equal rows, or one row of a cell; those of a class follow each other.
    order = np.lexsort((np.arange(len(table)), group, label[group]))
    order = order[is_dealt[group[order]]]
    begins = np.r_[True, group[order[1:]] != group[order[:-1]]][: len(order)] | is_cell[group[order]]
    deal = np.cumsum(begins) - 1
    n_folds = min(n_folds, int(begins.sum()))
    return [np.sort(order[deal % n_folds == fold]) for fold in range(n_folds)]


def _groups_aside(weight: Array, label: Indices, share: float, is_cell: AnyArray) -> AnyArray:
    """Which groups of equal rows go aside as a whole: of every class its share, in the order of their keys."""
    is_aside = np.zeros(len(weight), dtype=bool)
    owed = 0.0
    for one in np.unique(label):
        current = np.flatnonzero((label == one) & (weight > 0))
        if not len(current):
            continue
        own = weight[current]
        # A group goes if its middle lies in the share. The last stays, where no cell trains for the class.
        goes = np.cumsum(own) - 0.5 * own < share * own.sum() + owed
        if not is_cell[label == one].any():
            goes[-1] = False
        owed += share * own.sum() - own[goes].sum()
        is_aside[current[goes]] = True
    return is_aside
