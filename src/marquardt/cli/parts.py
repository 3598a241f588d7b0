"""The division of the rows, drawn or read from a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from marquardt.arrays import AnyArray, Indices
from marquardt.checks import nearest
from marquardt.cli.job import Job
from marquardt.errors import DataError, FileError
from marquardt.tables import read_table
from marquardt.training import Division, Parts

NAMES = {"train": 0, "training": 0, "validation": 1, "val": 1, "test": 2, "testing": 2}
KEYS = ("train", "validation", "test")


def divide(job: Job, rows: AnyArray, n_rows: int, classes: AnyArray | None = None) -> Parts:
    """Divide the samples, at random class by class where their classes are given.

    `rows` says where each sample stands among the `n_rows` rows of the data file, which indices in a file refer to.
    """
    if job.indices is None:
        validation, test = (0.15, 0.15) if job.division == "none" else (job.validation, job.test)
        return Division(job.division, validation, test, seed=job.seed).split(len(rows), classes)
    lists = _from_json(job.indices) if job.indices.suffix.lower() == ".json" else _from_table(job.indices, n_rows)
    # Checks range and repetition against the rows of the file, then goes over to the rows that are left.
    given = Division("indices", indices=lists).split(n_rows)
    position = np.full(n_rows, -1, dtype=np.intp)
    position[rows] = np.arange(len(rows))
    train, validation_rows, test_rows = (
        _present(position[part]) for part in (given.train, given.validation, given.test)
    )
    if len(train) == 0:
        raise DataError(f"{job.indices}: no row that has all its values is left to train on.")
    return Parts(train, validation_rows, test_rows)


def _present(positions: Indices) -> Indices:
    return positions[positions >= 0]


def _from_json(path: Path) -> Sequence[Sequence[int]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read as JSON: {error}.") from error
    if isinstance(content, dict) and isinstance(content.get("parts"), dict):
        content = content["parts"]  # a training record
    if not isinstance(content, dict) or not content or not set(content) <= set(KEYS):
        raise DataError(f'{path} must hold {{"train": […], "validation": […], "test": […]}}, row numbers from 0.')
    lists = [content.get(key, []) for key in KEYS]
    for key, numbers in zip(KEYS, lists, strict=True):
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            raise DataError(f"{path}: {key!r} must be a list of whole numbers, the row numbers from 0.")
    return lists


def _from_table(path: Path, n_rows: int) -> Sequence[Sequence[int]]:
    table = read_table(path, text=["part"])
    if "part" not in table.column_names:
        raise DataError(
            f"{path} has no column 'part'.{nearest('part', table.column_names)} It says for each row of the data "
            f"whether it is for train, validation or test."
        )
    words = table.column("part").to_pylist()
    if len(words) != n_rows:
        raise DataError(f"{path} divides {len(words)} rows, but the data have {n_rows}. It needs one row a data row.")
    lists: list[list[int]] = [[], [], []]
    for row, word in enumerate(words):
        if word is None:
            continue  # a row that takes no part
        part = NAMES.get(str(word).lower())
        if part is None:
            raise DataError(
                f"{path}: data row {row + 1} has the part {word!r}.{nearest(word, KEYS)} Use train, validation or "
                f"test, or leave it empty for a row that takes no part."
            )
        lists[part].append(row)
    return lists
