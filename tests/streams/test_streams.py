"""Training on files is training on the arrays that are in them."""

import os
import threading
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose

from marquardt.errors import ConfigurationError, DataError, FileError, ShapeError
from marquardt.losses import WeightDecay
from marquardt.networks import Network, Scaling, feed_forward, initial_weights
from marquardt.objective import Derivatives, Objective, PassEndedError
from marquardt.objective.block_passes import BlockPasses
from marquardt.streams import ArrayFiles, FileData, ReadAhead, TableFiles, errors_of_parts, train_on_files
from marquardt.streams import data as data_module
from marquardt.training import ArrayData, Fitting, HashedParts, Limits, Parts, Settings

N = 3000
rng = np.random.default_rng(0)
X = rng.uniform(-2, 2, (N, 3))
Y = np.sin(X[:, 0]) * X[:, 1] + 0.1 * X[:, 2] + 5.0
NAMES = ("a", "b", "c", "y")


@pytest.fixture(autouse=True)
def no_part_is_kept(monkeypatch):
    """Streams throughout, in small batches, however small the data."""
    monkeypatch.setattr(data_module, "KEPT_BYTES", 0)
    monkeypatch.setattr(data_module, "BATCH_BYTES", 0)


def table_of(x=X, y=Y, **types):
    table = pa.table({**dict(zip(NAMES, x.T, strict=False)), "y": y})
    for name, kind in types.items():
        table = table.set_column(table.column_names.index(name), name, table.column(name).cast(kind))
    return table


def written(folder, how):
    """The same rows in files of different kinds."""
    table = table_of()
    if how == "parquet":
        path = folder / "rows.parquet"
        pq.write_table(table, path, row_group_size=700)
    elif how == "one row group":
        path = folder / "rows.parquet"
        pq.write_table(table.append_column("unused", pa.array(["word"] * N)), path)
        return TableFiles(path, "y", inputs=["a", "b", "c"])
    elif how == "arrow":
        path = folder / "rows.arrow"
        pyarrow.feather.write_feather(table, path, chunksize=450)
    elif how == "folder":
        path = folder / "rows"
        path.mkdir()
        (path / "_metadata.parquet").write_text("passed over")
        (path / "notes.txt").write_text("passed over")
        for k, first in enumerate(range(0, N, 1100)):
            pq.write_table(table.slice(first, 1100), path / f"part-{k}.parquet")
    elif how == "data set":
        pq.write_table(table, folder / "rows.parquet")
        path = pyarrow.dataset.dataset(folder / "rows.parquet")
    elif how == "npy":
        np.save(folder / "x.npy", X)
        np.save(folder / "y.npy", Y)
        return ArrayFiles(folder / "x.npy", folder / "y.npy")
    else:
        both = np.column_stack([Y, X])
        np.save(folder / "both.npy", np.asfortranarray(both) if how == "npy by columns" else both)
        return ArrayFiles(folder / "both.npy", target_columns=[0])
    return TableFiles(path, "y")


KINDS = ("parquet", "one row group", "arrow", "folder", "data set", "npy", "npy of both", "npy by columns")


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("n_rows", [1, 512, 10_000])
def test_every_kind_of_file_gives_the_same_rows(tmp_path, how, n_rows):
    if n_rows == 1 and how not in ("arrow", "npy"):
        pytest.skip("slow, and the same")
    files = written(tmp_path, how)
    assert files.n_rows == N
    assert (len(files.input_names), len(files.target_names)) == (3, 1)
    batches = list(files.batches(n_rows))
    assert all(batch.shape[1] <= n_rows for batch in batches)
    assert np.array_equal(np.concatenate(batches, axis=1), np.column_stack([X, Y]).T)


@pytest.mark.parametrize("block_size", [1000, 64, 5000])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_objective_of_files_is_that_of_the_arrays(tmp_path, threads, block_size):
    data = FileData(written(tmp_path, "parquet"), validation=0.2, test=0.1, seed=3)
    numbers = HashedParts.numbers(np.column_stack([X, Y]).T, 0.2, 0.1, 3)
    graph = feed_forward(3, 7, 1)
    weights = initial_weights(graph, rng=0)
    for part in range(3):
        rows = np.flatnonzero(numbers == part)
        options = {
            "penalty": WeightDecay(0.01),
            "input_scaling": data.scaling("inputs", "standard"),
            "target_scaling": data.scaling("targets", "minmax"),
            "threads": threads,
            "block_size": block_size,
        }
        streamed = Objective.of(graph, data.source(part), **options)
        kept = Objective(graph, X, Y[:, None], rows=rows, **options)
        a, b = kept.at(weights, Derivatives.NORMAL), streamed.at(weights, Derivatives.NORMAL)
        rounding = len(rows) * np.finfo(float).eps
        assert_allclose(b.loss, a.loss, rtol=rounding)
        assert_allclose(b.gradient, a.gradient, rtol=0, atol=rounding * np.abs(a.gradient).max())
        assert_allclose(b.normal, a.normal, rtol=0, atol=rounding * np.abs(a.normal).max())
        again = streamed.at(weights, Derivatives.NORMAL)
        assert again.loss == b.loss
        assert np.array_equal(again.normal, b.normal)
        streamed.close()
        kept.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_on_files_is_the_run_on_arrays(tmp_path, threads):
    settings = Settings(hidden_layer_sizes=6, seed=1, threads=threads, limits=Limits(max_epochs=8))
    data = FileData(written(tmp_path, "folder"), seed=5)
    numbers = HashedParts.numbers(np.column_stack([X, Y]).T, 0.15, 0.15, 5)
    parts = Parts(*(np.flatnonzero(numbers == part) for part in range(3)))
    runs = [Fitting.of(data, settings), Fitting.of(ArrayData(X, Y[:, None], parts=parts), settings)]
    for run in runs:
        for _ in run:
            pass
    streamed, kept = (run.record for run in runs)
    for name in ("performance", "validation", "test", "gradient", "mu", "trials"):
        assert_allclose(streamed.column(name), kept.column(name), rtol=1e-6)
    assert_allclose(runs[0].network.weights, runs[1].network.weights, rtol=1e-5, atol=1e-8)
    assert [len(part) for part in (streamed.parts.train, streamed.parts.validation, streamed.parts.test)] == [
        len(part) for part in (parts.train, parts.validation, parts.test)
    ]


def test_small_parts_are_kept_and_give_the_same(tmp_path, monkeypatch):
    data = FileData(written(tmp_path, "parquet"), seed=5)
    graph = feed_forward(3, 4, 1)
    weights = initial_weights(graph, rng=0)
    streamed = [Objective.of(graph, data.source(part)).at(weights, Derivatives.VALUE).loss for part in (1, 2)]
    monkeypatch.setattr(data_module, "KEPT_BYTES", 8 * 4 * 1000)
    assert data.source(0).held_bytes is not None
    assert data.source(1).held_bytes is None
    kept = [Objective.of(graph, data.source(part)).at(weights, Derivatives.VALUE).loss for part in (1, 2)]
    assert_allclose(streamed, kept, rtol=1e-12)


def test_scalings_are_those_of_the_training_part(tmp_path):
    data = FileData(written(tmp_path, "arrow"), validation=0.3, test=0.0, seed=2)
    rows = HashedParts.numbers(np.column_stack([X, Y]).T, 0.3, 0.0, 2) == 0
    for kind in ("minmax", "standard", "none"):
        for of, columns in (("inputs", X), ("targets", Y[:, None])):
            streamed, whole = data.scaling(of, kind), Scaling.fit(kind, columns[rows])
            assert_allclose(streamed.offset, whole.offset, rtol=1e-12, atol=1e-12)
            assert_allclose(streamed.factor, whole.factor, rtol=1e-12)
    assert_allclose(data.input_ends(), [X[rows].min(axis=0), X[rows].max(axis=0)])


def test_errors_are_those_of_the_outputs(tmp_path):
    data = FileData(written(tmp_path, "npy"), seed=1)
    graph = feed_forward(3, 4, 1)
    network = Network(graph, initial_weights(graph, rng=0))
    numbers = HashedParts.numbers(np.column_stack([X, Y]).T, 0.15, 0.15, 1)
    report = errors_of_parts(network, data)
    for part, name in enumerate(("train", "validation", "test")):
        target, output = Y[numbers == part], network.outputs(X[numbers == part])[:, 0]
        scores = report[name]["targets"]["y[0]"]
        assert report[name]["samples"] == len(target)
        assert_allclose(scores["rmse"], np.sqrt(np.mean((output - target) ** 2)))
        assert_allclose(scores["mae"], np.mean(np.abs(output - target)))
        assert_allclose(scores["r2"], 1 - np.sum((output - target) ** 2) / np.sum((target - target.mean()) ** 2))


def test_columns_of_every_type_of_number(tmp_path):
    table = pa.table(
        {
            "small": pa.array([1.5, 2.5, -3.0, 1.0], pa.float32()),
            "whole": pa.array([1, -2, 3, 2**60], pa.int64()),
            "flag": pa.array([True, False, None, True]),
            "money": pa.array([1, 2, 3, 4], pa.decimal128(5, 1)),
            "y": [1.0, 2.0, float("nan"), 4.0],
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    files = TableFiles(tmp_path / "rows.parquet", "y")
    assert_allclose(
        np.concatenate(list(files.batches(3)), axis=1),
        [[1.5, 2.5, -3.0, 1.0], [1, -2, 3, 2.0**60], [1, 0, np.nan, 1], [1, 2, 3, 4], [1, 2, np.nan, 4]],
    )
    with pytest.raises(
        DataError,
        match=r"Column 'flag' .* has 1 missing values, the first in data row 3, and so has one more. "
        r"Leave the 1 rows out with missing='drop'",
    ):
        FileData(files, validation=0.0, test=0.0)
    data = FileData(files, validation=0.0, test=0.0, missing="drop")
    assert (data.n_training, data.n_dropped) == (3, 1)
    assert sum(columns.shape[1] for columns, _ in data.batches()) == 3


def test_folders_that_name_a_value_give_a_column(tmp_path):
    for year in (2023, 2024):
        folder = tmp_path / f"year={year}" / "site=north"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"a": [1.0], "y": [2.0]}), folder / "rows.parquet")
    files = TableFiles(tmp_path, "y")
    assert files.input_names == ("a", "year")
    assert_allclose(np.concatenate(list(files.batches(9)), axis=1), [[1, 1], [2023, 2024], [2, 2]])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_in_files_are_learned_and_counted(tmp_path, n_classes):
    codes = np.digitize(Y, [5.0] if n_classes == 2 else [4.5, 5.5])
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", codes if n_classes == 2 else np.eye(3)[codes])
    settings = Settings(hidden_layer_sizes=6, seed=0, limits=Limits(max_epochs=15))
    files = ArrayFiles(tmp_path / "x.npy", tmp_path / "y.npy")
    result = train_on_files(files, settings, task="classification", seed=2)
    chances = result.network.outputs(X)
    if n_classes == 2:
        chances = np.column_stack([1 - chances, chances])
    targets = codes[:, None] if n_classes == 2 else np.eye(3)[codes]
    numbers = HashedParts.numbers(np.column_stack([X, targets]).T, 0.15, 0.15, 2)
    for part, name in enumerate(("train", "validation", "test")):
        here, true = chances[numbers == part], codes[numbers == part]
        found = result.errors[name]
        assert found["samples"] == len(true)
        assert found["accuracy"] == np.mean(here.argmax(axis=1) == true) > 0.9
        assert_allclose(found["cross_entropy"], -np.log(here[np.arange(len(true)), true]).mean())
        assert np.diag(found["confusion"]).sum() == np.count_nonzero(here.argmax(axis=1) == true)
        assert np.sum(found["confusion"], axis=1).tolist() == np.bincount(true).tolist()


def test_train_on_files_gives_network_record_and_errors(tmp_path):
    seen = []
    result = train_on_files(
        written(tmp_path, "parquet"),
        Settings(hidden_layer_sizes=8, seed=0, limits=Limits(max_epochs=15)),
        on_epoch=seen.append,
    )
    assert result.errors["test"]["targets"]["y"]["r2"] > 0.999
    assert [epoch.epoch for epoch in seen] == list(range(len(seen)))
    assert result.record.epochs == seen
    assert isinstance(result.record.parts, HashedParts)


def test_an_interrupt_keeps_the_best_weights(tmp_path):
    def interrupt(epoch):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    result = train_on_files(written(tmp_path, "parquet"), Settings(hidden_layer_sizes=5, seed=0), on_epoch=interrupt)
    assert result.record.stop.code == "user"
    assert result.record.num_epochs == 2
    assert result.errors["train"]["samples"] == result.record.parts.n_train


def test_an_interrupt_in_the_middle_of_a_pass_leaves_no_reader_behind(tmp_path, monkeypatch):
    data = FileData(written(tmp_path, "parquet"))
    fitting = Fitting.of(data, Settings(hidden_layer_sizes=5, seed=0, threads=2))
    calls = []
    forward = BlockPasses.forward

    def interrupted(self, weights, number, block):
        calls.append(number)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return forward(self, weights, number, block)

    monkeypatch.setattr(BlockPasses, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        for _ in fitting:
            pass
    monkeypatch.undo()
    fitting.stop_by_user()
    assert fitting.record.stop.code == "user"
    for _ in range(100):
        if not any(thread.name == "marquardt-reader" for thread in threading.enumerate()):
            break
        time.sleep(0.02)
    assert not any(thread.name == "marquardt-reader" for thread in threading.enumerate())


@pytest.mark.parametrize("how", ["parquet", "arrow", "npy"])
def test_a_file_that_changes_during_training_is_told(tmp_path, how):
    files = written(tmp_path, how)
    fitting = Fitting.of(FileData(files), Settings(hidden_layer_sizes=3, seed=0))
    path = next(tmp_path.glob("*.npy" if how == "npy" else "rows.*"))
    epochs = iter(fitting)
    next(epochs)
    next(epochs)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    os.utime(path, ns=(1, 1))
    with pytest.raises(FileError, match="was changed while it was in use"):
        next(epochs)
    assert fitting.record.num_epochs == 1


def test_a_file_that_is_gone_is_told(tmp_path):
    files = written(tmp_path, "parquet")
    (tmp_path / "rows.parquet").unlink()
    with pytest.raises(FileError, match="was changed while it was in use"):
        FileData(files)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"targets": "z"}, DataError, r"has no column 'z' for the target columns"),
        ({"inputs": ["a", "bb"]}, DataError, r"has no column 'bb' for the input columns.*'b'"),
        ({"inputs": ["a", "a"]}, DataError, r"input columns must be different"),
        ({"inputs": ["a", "y"]}, DataError, r"'y' cannot be an input and"),
        ({"ignore": ["a", "b", "c"]}, DataError, r"no column to predict from"),
    ],
)
def test_columns_that_cannot_be_are_refused(tmp_path, options, error, message):
    pq.write_table(table_of(), tmp_path / "rows.parquet")
    with pytest.raises(error, match=message):
        TableFiles(tmp_path / "rows.parquet", **({"targets": "y"} | options))


def test_a_path_alone_is_refused_with_what_to_make_of_it(tmp_path):
    for path in ("rows.parquet", tmp_path / "rows.parquet"):
        with pytest.raises(
            ConfigurationError, match=r"rows\.parquet' is a path alone\. Take TableFiles\(path, targets\)"
        ):
            train_on_files(path)
    np.save(tmp_path / "rows.npy", np.zeros((9, 2)))
    with pytest.raises(ConfigurationError, match=r"settings must be a Settings, got {'seed': 1}\. Make them"):
        train_on_files(ArrayFiles(tmp_path / "rows.npy", target_columns=[1]), {"seed": 1})


def test_words_are_refused_with_a_way_out(tmp_path):
    pq.write_table(table_of().append_column("site", pa.array(["north"] * N)), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"Column 'site' .*values of type string.*ignore=\['site'\]"):
        TableFiles(tmp_path / "rows.parquet", "y")
    assert TableFiles(tmp_path / "rows.parquet", "y", ignore=["site"]).input_names == ("a", "b", "c")


def test_a_column_that_one_file_lacks_is_refused(tmp_path):
    pq.write_table(table_of(), tmp_path / "1.parquet")
    pq.write_table(table_of().drop_columns("b"), tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"2.parquet has no column 'b'"):
        TableFiles(tmp_path, "y")


def test_infinity_is_refused_with_its_place(tmp_path):
    y = Y.copy()
    y[1234] = -np.inf
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    with pytest.raises(DataError, match=r"Column 'y\[0\]' .* holds -inf in data row 1235"):
        FileData(ArrayFiles(tmp_path / "x.npy", tmp_path / "y.npy"))


def test_data_without_rows_or_files_are_refused(tmp_path):
    with pytest.raises(FileError, match="no Parquet or Arrow file in the folder"):
        TableFiles(tmp_path, "y")
    with pytest.raises(FileError, match="There is no file"):
        TableFiles(tmp_path / "no.parquet", "y")
    (tmp_path / "rows.csv").write_text("a,y\n1,2\n")
    with pytest.raises(FileError, match=r"cannot be read a batch at a time.*Convert it"):
        TableFiles(tmp_path / "rows.csv", "y")
    pq.write_table(table_of().slice(0, 0), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="has no rows"):
        TableFiles(tmp_path / "rows.parquet", "y")
    np.save(tmp_path / "x.npy", X[:0])
    with pytest.raises(DataError, match="has no rows"):
        ArrayFiles(tmp_path / "x.npy", target_columns=[0])


def test_rows_that_are_all_incomplete_leave_none(tmp_path):
    pq.write_table(table_of(y=np.full(N, np.nan)), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"Every row .* has a missing value"):
        FileData(TableFiles(tmp_path / "rows.parquet", "y"), missing="drop")


def test_a_part_without_rows_is_refused(tmp_path):
    pq.write_table(table_of(np.ones((50, 3)), np.ones(50)), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"None of the 50 rows .* falls into the \w+ part, of which \d+% was asked"):
        FileData(TableFiles(tmp_path / "rows.parquet", "y"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation": 0.6, "test": 0.4}, ConfigurationError, "leave nothing to train on"),
        ({"validation": -0.1}, ConfigurationError, "validation fraction"),
        ({"seed": -1}, ConfigurationError, "seed"),
        ({"missing": "mean"}, ConfigurationError, "missing"),
    ],
)
def test_divisions_that_cannot_be_are_refused(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        FileData(written(tmp_path, "npy"), **options)


def test_rows_without_targets_cannot_train(tmp_path):
    pq.write_table(table_of(), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="Name the targets"):
        FileData(TableFiles(tmp_path / "rows.parquet"))


@pytest.mark.parametrize(
    ("made", "arguments", "error", "message"),
    [
        (X, {}, ConfigurationError, "give `targets` or `target_columns`"),
        (X, {"target_columns": [3]}, ConfigurationError, "has 3 columns, got the target column 3"),
        (X, {"target_columns": [0, -3]}, ConfigurationError, "different columns"),
        (X, {"target_columns": [0, 1, 2]}, ShapeError, "no column that is not a target"),
        (X[None], {"target_columns": [0]}, ShapeError, r"must hold an array of shape \(n_rows, n_columns\)"),
        (X.astype(complex), {"target_columns": [0]}, FileError, "not one array of numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, made, arguments, error, message):
    np.save(tmp_path / "x.npy", made)
    with pytest.raises(error, match=message):
        ArrayFiles(tmp_path / "x.npy", **arguments)


def test_array_files_of_different_length_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y[1:])
    with pytest.raises(ShapeError, match=f"as many rows, got {N} and {N - 1}"):
        ArrayFiles(tmp_path / "x.npy", tmp_path / "y.npy")
    (tmp_path / "z.npy").write_text("no array")
    with pytest.raises(FileError, match="is no array file"):
        ArrayFiles(tmp_path / "x.npy", tmp_path / "z.npy")


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 several arrays"])
def test_a_file_that_is_no_array_is_not_advised_to_be_unpickled(tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(FileError, match=r"is no array file \(\.npy\): (?!.*pickle)"):
        ArrayFiles(tmp_path / "x.npy", target_columns=[0])


# ---------------------------------------------------------------- the reader


def test_blocks_go_round_in_order():
    batches = [list(range(first, first + 5)) for first in range(0, 40, 5)]
    for takers in (1, 2, 3):
        reading = ReadAhead(iter(batches), takers)
        found = [[] for _ in range(takers)]
        threads = [threading.Thread(target=found[k].extend, args=(reading.share(k),)) for k in range(takers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=10)
        assert found == [list(range(40))[k::takers] for k in range(takers)]


def test_the_reader_keeps_only_a_few_batches_ahead():
    read = []

    def batches():
        for number in range(100):
            read.append(number)
            yield [number]

    reading = ReadAhead(batches(), 1)
    share = reading.share(0)
    next(share)
    time.sleep(0.1)
    assert len(read) <= 5  # taken, two ready, one waiting to be, and what was read meanwhile
    reading.stop()
    with pytest.raises(PassEndedError):
        list(share)


def test_an_error_of_the_reader_comes_after_the_blocks_before_it():
    def batches():
        yield ["a"]
        raise OSError("gone")

    share = ReadAhead(batches(), 1).share(0)
    assert next(share) == "a"
    with pytest.raises(OSError, match="gone"):
        next(share)


def test_a_memory_budget_is_kept_by_blocks_that_come_and_go(tmp_path):
    data = FileData(written(tmp_path, "parquet"))
    settings = Settings(hidden_layer_sizes=40, algorithm="lm", seed=0, limits=Limits(max_epochs=2))
    free = Fitting.of(data, settings)
    budget = free.training.memory * 2 // 3
    small = Fitting.of(data, replace(settings, max_memory=budget))
    assert small.training.memory <= budget
    assert small.training.objective.plan.block_size < free.training.objective.plan.block_size
    losses = [[epoch.loss for epoch in fitting] for fitting in (free, small)]
    assert_allclose(losses[0], losses[1], rtol=1e-9)


def test_copies_of_few_rows_are_divided_by_their_place(tmp_path):
    cells = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]] * 50)
    np.save(tmp_path / "xor.npy", cells)
    files = ArrayFiles(tmp_path / "xor.npy", target_columns=[2])
    for seed in range(5):
        data = FileData(files, seed=seed, classes=("same", "other"))
        for columns, numbers in data.batches():
            for part in range(3):
                assert len(np.unique(columns[:, numbers == part], axis=1).T) == 4
            assert np.bincount(numbers).tolist() == list(data.counts)
    result = train_on_files(files, Settings(hidden_layer_sizes=4, seed=0), task="classification")
    assert result.errors["test"]["accuracy"] == 1.0


def test_a_class_of_one_row_trains_in_every_pass(tmp_path):
    table = np.random.default_rng(0).normal(size=(200, 3))
    table[:, 2] = 0
    table[77, 2] = 1
    np.save(tmp_path / "rare.npy", table)
    files = ArrayFiles(tmp_path / "rare.npy", target_columns=[2])
    for seed in range(8):
        data = FileData(files, seed=seed, classes=("often", "rare"))
        for _ in range(2):
            for columns, numbers in data.batches():
                assert numbers[columns[2] == 1].tolist() == [0]
    with pytest.raises(DataError, match="No row that trains has the class 'never'"):
        FileData(ArrayFiles(tmp_path / "rare.npy", target_columns=[2]), classes=("often", "rare", "never"))


def test_an_interrupt_in_the_pass_for_the_errors_keeps_the_network(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("marquardt.streams.training.errors_of_parts", interrupted)
    settings = Settings(hidden_layer_sizes=5, seed=0, limits=Limits(max_epochs=3))
    with pytest.warns(UserWarning, match="errors were interrupted and are left out"):
        result = train_on_files(written(tmp_path, "parquet"), settings)
    assert (result.record.num_epochs, result.errors) == (3, {})


def test_an_interrupt_of_files_before_the_first_epoch_is_not_swallowed(tmp_path):
    def interrupt(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_on_files(written(tmp_path, "parquet"), Settings(hidden_layer_sizes=5, seed=0), on_epoch=interrupt)
