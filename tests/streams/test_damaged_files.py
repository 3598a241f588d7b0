"""A damaged Arrow or Parquet file is a sentence, whoever reads it and however."""

import contextlib
import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marquardt.errors import DataError, FileError
from marquardt.streams import ArrowFiles
from marquardt.tables import open_rows, read_table

N_ROWS = 60


def table():
    random = np.random.default_rng(0)
    words = [f"word{k % 7}" for k in range(N_ROWS)]
    return pa.table(
        {
            "number": random.normal(size=N_ROWS),
            "word": words,
            "label": pa.array(words).dictionary_encode(),
            "long": pa.array(words, pa.large_string()),
            "gap": pa.array([None if k % 5 == 0 else k for k in range(N_ROWS)]),
        }
    )


def written(path, made):
    if path.suffix == ".parquet":
        pq.write_table(made, path)
    else:
        with pa.ipc.new_file(path, made.schema) as writer:
            writer.write_table(made)
    return bytearray(path.read_bytes())


def read_whole(path):
    return read_table(path)


def read_rows(path):
    rows = open_rows(path)
    return list(rows.batches(rows.column_names, 7))


def read_batches(path):
    files = ArrowFiles(path)
    return list(files.batches(files.schema.names, 7))


READERS = [read_whole, read_rows, read_batches]

# The number of a column's buffer, and what is put into its eleventh entry. Followed, it ends the process.
WRONG = {
    "word": (1, np.int32(2**30)),
    "long": (1, np.int64(2**60)),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("reader", [reader.__name__ for reader in READERS])
def test_an_offset_that_points_outside_is_a_sentence(tmp_path, name, reader):
    made, (number, wrong) = table(), WRONG[name]
    content = written(tmp_path / "rows.arrow", made)
    offsets = made[name].chunk(0).buffers()[number].to_pybytes()[: (N_ROWS + 1) * wrong.nbytes]
    place = content.find(offsets) + 10 * wrong.nbytes
    assert content.count(offsets) == 1
    content[place : place + wrong.nbytes] = wrong.tobytes()
    (tmp_path / "rows.arrow").write_bytes(content)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_damaged_files as tests\n"
        "from pathlib import Path; from marquardt.errors import FileError\n"
        "try: getattr(tests, sys.argv[2])(Path(sys.argv[3])).to_pylist()\n"
        "except FileError as error: print(error)\n"
    )
    folder = __file__.rpartition("/")[0]
    command = [sys.executable, "-c", script, folder, reader, str(tmp_path / "rows.arrow")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "rows.arrow" in done.stdout
    assert "offset" in done.stdout


@pytest.mark.parametrize("reader", READERS)
def test_a_label_that_is_not_there_is_a_sentence(tmp_path, reader):
    made = table()
    content = written(tmp_path / "rows.arrow", made)
    codes = made["label"].chunk(0).indices.buffers()[1].to_pybytes()[: 4 * N_ROWS]
    assert content.count(codes) == 1
    place = content.find(codes)
    content[place : place + 4] = np.int32(7).tobytes()
    (tmp_path / "rows.arrow").write_bytes(content)
    with pytest.raises(FileError, match=r"rows\.arrow.*(index|ndices)"):
        reader(tmp_path / "rows.arrow")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", [".arrow", ".parquet"])
@pytest.mark.parametrize("seed", range(60))
def test_what_is_read_of_damaged_files_are_rows_or_a_sentence(tmp_path, suffix, seed, reader):
    path, chance = tmp_path / f"rows{suffix}", random.Random(seed)
    content = written(path, table())
    place = chance.randrange(len(content))
    if seed % 3 == 0:
        del content[place : place + 8]
    elif seed % 3 == 1:
        content[place] ^= 1 << chance.randrange(8)
    else:
        # Metadata stand at both ends.
        place = chance.choice([chance.randrange(400), len(content) - 1 - chance.randrange(400)])
        content[place] = chance.choice([0, 127, 128, 255])
    path.write_bytes(content)
    # Anything else that is raised fails.
    with contextlib.suppress(FileError, DataError):
        reader(path)


def test_names_of_columns_that_are_no_text_are_a_sentence(tmp_path):
    path = tmp_path / "rows.arrow"
    content = written(path, table())
    path.write_bytes(content.replace(b"number", b"num\x80er"))
    with pytest.raises(FileError, match=r"rows\.arrow cannot be read"):
        ArrowFiles(path)
