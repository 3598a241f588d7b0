"""Files as training data: counted and measured in one pass, divided by a hash, handed out as blocks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from marquardt.algorithms import StepRule
from marquardt.arrays import AnyArray, Array
from marquardt.checks import fraction, one_of, whole
from marquardt.errors import ConfigurationError, DataError, FileError
from marquardt.losses import Loss, WeightDecay
from marquardt.networks import ColumnStatistics, Network, Scaling
from marquardt.numerics import Sample
from marquardt.objective import ArraySource, Block, Blocks, Source
from marquardt.streams.files import Files
from marquardt.streams.reading import DEPTH, StreamedBlocks
from marquardt.training import HashedParts, Limits, Objectives, Training, column_keys, require_classes
from marquardt.training.division import CELL_COPIES
from marquardt.wording import by_door

__all__ = ["FileData"]

BATCH_BYTES = 4 << 20
"""What a batch of rows takes: small beside any memory, and hundreds of calls' worth of work."""
KEPT_BYTES = 32 << 20
"""What a part may take to be kept in memory after all: a small validation part need not be looked for in every pass."""
NAMES = ("train", "validation", "test")
MOST_KEYS = 4096
"""Different rows whose copies are counted."""


class FileData:
    """Rows of files, divided into parts; what `Fitting.of` trains on.

    Making it reads the files once, to count the parts, to find what is missing, and to measure the columns that
    scalings are fitted to. No array as long as the data is made, then or later.
    """

    is_kept = False
    counted_weight = 1.0
    weighs_outputs = False

    def __init__(
        self,
        files: Files,
        *,
        validation: float = 0.15,
        test: float = 0.15,
        seed: int = 0,
        missing: str = "refuse",
        classes: Sequence[Any] = (),
    ) -> None:
        fraction(validation, "the validation fraction")
        fraction(test, "the test fraction")
        if validation + test >= 1:
            raise ConfigurationError(
                f"The validation and test fractions leave nothing to train on: {validation} + {test} >= 1."
            )
        whole(seed, "the seed of the division")
        one_of(missing, ("refuse", "drop"), "missing")
        if isinstance(files, str | os.PathLike):
            raise ConfigurationError(
                f"Files say which of their columns are targets, and {os.fspath(files)!r} is a path alone. Take "
                f"TableFiles(path, targets), ArrayFiles(path, target_columns), or CodedFiles, which codes words "
                f"and classes, too."
            )
        self.files = files
        self.n_inputs, self.n_outputs = len(files.input_names), len(files.target_names)
        if self.n_outputs == 0:
            raise DataError(f"Which columns of {files.name} are to be predicted? Name the targets.")
        self._shares, self._seed, self._missing = (validation, test), seed, missing
        self._is_divided = validation > 0 or test > 0
        self._n_columns = self.n_inputs + self.n_outputs
        self.batch_rows = max(1024, BATCH_BYTES // (8 * self._n_columns))
        self._kept: dict[int, ArraySource] = {}
        self._is_coarse, self._n_classes = False, len(classes)
        self._rare: frozenset[int] = frozenset()
        trained = self._survey()
        if self._is_divided and len(classes):
            missed = frozenset(code for code in range(len(classes)) if code not in trained)
            if missed:
                # By their hash none trains: the first row of each does.
                self._rare = missed
                trained = self._survey()
        if len(classes):
            require_classes(np.array(sorted(trained), dtype=np.intp), classes)
        # From now on batches are changed after the division, which goes by what is in a row.
        takes_notice = getattr(files, "divided", None)
        self._recode: Callable[[Array], None] | None = None if takes_notice is None else takes_notice(self._inputs.mean)

    @property
    def n_training(self) -> int:
        """Rows that train."""
        return self.parts.n_train

    def scaling(self, of: str, kind: str) -> Scaling:
        """Return the scaling of the training part."""
        statistics = self._inputs if of == "inputs" else self._targets
        if kind != "robust":
            return Scaling.of_statistics(kind, statistics)
        columns = slice(None, self.n_inputs) if of == "inputs" else slice(self.n_inputs, None)
        samples: list[Sample] = []
        for batch, numbers in self.batches():
            trained = batch[columns, numbers == 0]
            if trained.shape[1]:
                samples = samples or [Sample(float(np.median(column))) for column in trained]
                for sample, column in zip(samples, trained, strict=True):
                    sample.add(column)
        medians = np.array([sample.median for sample in samples])
        deviations = [sample.deviation_about(middle) for sample, middle in zip(samples, medians, strict=True)]
        return Scaling.of_medians(statistics.low, statistics.high, medians, np.array(deviations))

    def input_ends(self) -> Array:
        """Return the lowest and the highest value of every input of the training part, of shape (2, n_inputs)."""
        return np.stack([self._inputs.low, self._inputs.high])

    def target_ends(self) -> Array:
        """Return the lowest and the highest value of every target of the training part, of shape (2, n_outputs)."""
        return np.stack([self._targets.low, self._targets.high])

    @property
    def target_means(self) -> Array:
        """The means of the training targets, of shape (n_outputs,)."""
        return self._targets.mean

    def source(self, part: int) -> Source:
        """Return the rows of one part, for an objective."""
        n_rows = self.counts[part]
        if 8 * self._n_columns * n_rows > KEPT_BYTES:
            return FilePart(self, part)
        if part not in self._kept:
            found = [columns[:, numbers == part] for columns, numbers in self.batches()]
            columns = np.concatenate(found, axis=1)
            self._kept[part] = ArraySource(columns[: self.n_inputs].T, columns[self.n_inputs :].T)
        return self._kept[part]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Rows that train, validate and test."""
        return self.parts.n_train, self.parts.n_validation, self.parts.n_test

    def training(
        self, network: Network, loss: Loss, penalty: WeightDecay, rule: StepRule, limits: Limits, **options: Any
    ) -> Training:
        """Return a run."""
        sources = [self.source(part) if self.counts[part] or not part else None for part in range(3)]
        trained, validation, test = Objectives.of(network, sources, loss, penalty, rule, **options)
        return Training.of(
            network, trained, validation=validation, test=test, parts=self.parts, rule=rule, limits=limits
        )

    def batches(self) -> Iterator[tuple[Array, AnyArray]]:
        """Read all rows, without those that are left out."""
        seen, divided = 0, self._division()
        for batch in self.files.batches(self.batch_rows):
            seen += batch.shape[1]
            columns = batch
            # NaN goes through a sum; only then rows are looked at.
            if self.n_dropped and not np.isfinite(np.add.reduce(batch, axis=None)):
                columns = batch[:, ~np.isnan(batch).any(axis=0)]
            numbers = divided(columns)
            if self._recode is not None:
                self._recode(columns)
            yield columns, numbers
        self._require_all(seen)

    def _require_all(self, seen: int) -> None:
        """Refuse files that have changed since they were opened."""
        if seen != self.files.n_rows:
            raise FileError(f"{self.files.name} had {self.files.n_rows} rows, and now has {seen}.")

    def _division(self) -> Callable[[Array], AnyArray]:
        """What tells the parts of one batch after the other, from the first on."""
        seen, rare = 0, set(self._rare)

        def divided(columns: Array) -> AnyArray:
            nonlocal seen
            if not self._is_divided:
                return np.zeros(columns.shape[1], dtype=np.int8)
            places = np.arange(seen, seen + columns.shape[1], dtype=np.float64) if self._is_coarse else None
            seen += columns.shape[1]
            numbers = HashedParts.numbers(columns, *self._shares, self._seed, places)
            if rare:
                codes = self._codes(columns)
                for code in rare.copy():
                    rows = np.flatnonzero(codes == code)
                    if len(rows):
                        numbers[rows[0]] = 0
                        rare.remove(code)
            return numbers

        return divided

    def _codes(self, columns: Array) -> AnyArray:
        """The class numbers of rows whose targets are classes."""
        targets = columns[self.n_inputs :]
        codes: AnyArray = targets.argmax(axis=0) if len(targets) > 1 else (targets[0] > 0.5).astype(np.intp)
        return codes

    def _survey(self) -> set[int]:
        """The one pass: counts, missing values, statistics; a second where rows are coarse. Returns what trains."""
        copies, divided, trained = Copies(), self._division(), set[int]()
        names = (*self.files.input_names, *self.files.target_names)
        n_missing, first_missing = np.zeros(len(names), dtype=np.int64), np.full(len(names), -1, dtype=np.int64)
        counts = np.zeros(3, dtype=np.int64)
        self._inputs, self._targets = ColumnStatistics(self.n_inputs), ColumnStatistics(self.n_outputs)
        seen = self.n_dropped = 0
        for batch in self.files.batches(self.batch_rows):
            n_rows, columns = batch.shape[1], batch
            with np.errstate(over="ignore", invalid="ignore"):
                is_clean = np.isfinite(np.add.reduce(batch, axis=None))
            if not is_clean:
                _refuse_infinity(batch, names, seen, self.files.name)
                is_missing = np.isnan(batch)
                found = is_missing.any(axis=1)
                first_missing = np.where((first_missing < 0) & found, seen + is_missing.argmax(axis=1), first_missing)
                n_missing += is_missing.sum(axis=1)
                keep = ~is_missing.any(axis=0)
                self.n_dropped += int(n_rows - keep.sum())
                columns = batch[:, keep]
            numbers = divided(columns)
            counts += np.bincount(numbers, minlength=3)
            training = columns[:, numbers == 0] if self._is_divided else columns
            self._inputs.add(training[: self.n_inputs])
            self._targets.add(training[self.n_inputs :])
            if self._n_classes:
                trained.update(np.unique(self._codes(training)).tolist())
            if self._is_divided and not self._is_coarse:
                copies.add(column_keys(columns, self._seed))
            seen += n_rows
        self._require_all(seen)
        if self._missing == "refuse" and self.n_dropped:
            column = int(np.flatnonzero(n_missing)[0])
            more = int((n_missing > 0).sum()) - 1
            others = f", and so have {more} more columns" if more > 1 else ", and so has one more" if more else ""
            way = by_door("--missing drop", "missing='drop'")
            raise DataError(
                f"Column {names[column]!r} of {self.files.name} has {n_missing[column]} missing values, the first in "
                f"data row {first_missing[column] + 1}{others}. Leave the {self.n_dropped} rows out with "
                f"{way}, or fill them in the files."
            )
        if copies.mean >= CELL_COPIES:
            self._is_coarse = True
            return self._survey()
        self._refuse_empty_parts(counts)
        n_train, n_validation, n_test = (int(count) for count in counts)
        self.parts = HashedParts(n_train, n_validation, n_test, *self._shares, seed=self._seed)
        return trained

    def _refuse_empty_parts(self, counts: AnyArray) -> None:
        n_rows = self.files.n_rows - self.n_dropped
        if n_rows == 0:
            raise DataError(f"Every row of {self.files.name} has a missing value: none is left.")
        asked = (1.0 - sum(self._shares), *self._shares)
        for name, share, count in zip(("training", "validation", "test"), asked, counts, strict=True):
            if share > 0 and count == 0:
                raise DataError(
                    f"None of the {n_rows} rows of {self.files.name} falls into the {name} part, of which "
                    f"{share:.0%} was asked for. Rows are divided by a hash of their content: "
                    f"give more rows, another fraction or another seed."
                )


class Copies:
    """How often rows occur, estimated in bounded memory: of a sample of their keys every copy is counted."""

    def __init__(self) -> None:
        self._bits = np.uint64(0)
        self._counts: dict[int, int] = {}

    @property
    def mean(self) -> float:
        """Copies a different row, of those in the sample; 0 where all rows are equal, which cannot be divided."""
        return sum(self._counts.values()) / len(self._counts) if len(self._counts) > 1 else 0.0

    def add(self, keys: AnyArray) -> None:
        """Count the keys of a batch; where too many differ, only those whose last bits are zero go on."""
        values, counts = np.unique(keys[keys & self._mask() == 0], return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._counts[value] = self._counts.get(value, 0) + count
        while len(self._counts) > MOST_KEYS:
            self._bits += np.uint64(1)
            mask = int(self._mask())
            self._counts = {value: count for value, count in self._counts.items() if value & mask == 0}

    def _mask(self) -> np.uint64:
        return (np.uint64(1) << self._bits) - np.uint64(1)


class FilePart:
    """The rows of one part, as a `Source` of blocks that come and go."""

    def __init__(self, data: FileData, part: int) -> None:
        self._data, self._part = data, part
        self.n_inputs, self.n_outputs = data.n_inputs, data.n_outputs
        self.n_samples = data.counts[part]
        self.total_weight, self.mean_weight, self.counted_weight = float(self.n_samples), 1.0, 1.0
        self.weighs_outputs = False

    @property
    def held_bytes(self) -> int | None:
        """A few batches: read, being scaled, ready, and computed with."""
        return (2 * DEPTH + 4) * 8 * (self.n_inputs + self.n_outputs + 1) * self._data.batch_rows

    def blocks(self, input_scaling: Scaling, target_scaling: Scaling, block_size: int) -> Blocks:
        """Return blocks that are read anew in every pass."""
        return StreamedBlocks(lambda: self._prepared(input_scaling, target_scaling, block_size))

    def _prepared(self, input_scaling: Scaling, target_scaling: Scaling, block_size: int) -> Iterator[list[Block]]:
        scalings = input_scaling, target_scaling
        offset = np.concatenate([scaling.offset for scaling in scalings])[:, None]
        factor = np.concatenate([scaling.factor for scaling in scalings])[:, None]
        for columns, numbers in self._data.batches():
            is_here = numbers == self._part
            if not is_here.any():
                continue
            scaled = columns if is_here.all() else columns[:, is_here]
            scaled -= offset
            scaled *= factor
            yield _cut(scaled, self.n_inputs, block_size)


def _refuse_infinity(columns: Array, names: Sequence[str], before: int, where: str) -> None:
    infinite = np.isinf(columns)
    if infinite.any():
        column, row = np.argwhere(infinite)[0]
        raise DataError(
            f"Column {names[column]!r} of {where} holds {columns[column, row]} in data row {before + row + 1}. Correct "
            f"the value or remove the row."
        )


def _cut(columns: Array, n_inputs: int, block_size: int) -> list[Block]:
    """Scaled columns as blocks of even length."""
    count = columns.shape[1]
    edges = np.linspace(0, count, -(-count // block_size) + 1).astype(int)
    blocks = []
    for first, last in pairwise(edges):
        augmented = np.empty((n_inputs + 1, last - first))
        augmented[:-1] = columns[:n_inputs, first:last]
        augmented[-1] = 1.0
        blocks.append(Block(augmented, columns[n_inputs:, first:last].copy(), None))
    return blocks
