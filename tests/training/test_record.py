"""The record: what it says, under which names, and its way out of Python and back."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from marquardt.algorithms import LevenbergMarquardt
from marquardt.errors import ConfigurationError, DataError
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.training import Division, HashedParts, Limits, Parts, Record, Training
from marquardt.training.record import FIELDS

X = np.linspace(-1, 1, 40)[:, None]
GRAPH = feed_forward(1, 3, 1)


def a_record(parts=None, **limits):
    run = Training(
        Network(GRAPH, initial_weights(GRAPH, rng=0)),
        X,
        np.sin(3 * X),
        parts=parts,
        limits=Limits(**{"max_epochs": 6, "goal": 1e-12, **limits}),
        rule=LevenbergMarquardt(mu_init=0.01),
    )
    list(run)
    return run.record


@pytest.fixture(scope="module")
def record():
    return a_record(Division("interleaved", 0.2, 0.2).split(40))


def same(left, right):
    """Equal, NaN equal to NaN."""
    return left == right or (isinstance(left, float) and math.isnan(left) and math.isnan(right))


@pytest.mark.parametrize("parts", [None, Division("interleaved", 0.2, 0.2).split(40)], ids=["all train", "divided"])
def test_out_to_json_and_back_is_exact(parts):
    record = a_record(parts)
    again = Record.from_dict(json.loads(record.to_json()))
    for name in ("algorithm", "settings", "metric", "stop", "best_epoch"):
        assert getattr(again, name) == getattr(record, name)
    for name in ("train", "validation", "test"):
        assert np.array_equal(getattr(again.parts, name), getattr(record.parts, name))
    for theirs, ours in zip(again.epochs, record.epochs, strict=True):
        for name in FIELDS:
            left, right = getattr(theirs, name), getattr(ours, name)
            assert same(left, right)
            assert type(left) is type(right)
    assert again.to_dict() == record.to_dict()


def test_json_has_neither_nan_nor_infinity(record):
    text = a_record().to_json(indent=2)
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text)["settings"]["max_seconds"] == "inf"


def test_settings_from_numpy_go_out_too():
    record = a_record(max_epochs=np.int64(3), goal=np.float32(0.5))
    assert json.loads(record.to_json())["settings"]["max_epochs"] == 3


def test_a_record_that_has_not_begun_goes_out_too():
    record = Record("levenberg_marquardt", {}, "mse", Parts.all_training(3))
    again = Record.from_dict(json.loads(record.to_json()))
    assert again.epochs == []
    assert again.stop is None
    assert again.seconds == 0.0
    assert again.num_epochs == 0


def test_names_of_the_toolbox(record):
    epochs = record.epochs
    assert record.perf.tolist() == [epoch.performance for epoch in epochs]
    assert record.vperf.tolist() == [epoch.validation for epoch in epochs]
    assert record.tperf.tolist() == [epoch.test for epoch in epochs]
    assert record.mu.tolist() == [epoch.mu for epoch in epochs]
    assert record.gradient.tolist() == [epoch.gradient for epoch in epochs]
    assert record.val_fail.tolist() == [epoch.validation_fails for epoch in epochs]
    assert record.time.tolist() == [epoch.seconds for epoch in epochs]
    assert record.epoch.tolist() == list(range(len(epochs)))
    assert record.num_epochs == len(epochs) - 1 == 6
    best = epochs[record.best_epoch]
    assert (record.best_perf, record.best_vperf, record.best_tperf) == (best.performance, best.validation, best.test)
    assert record.goal == 1e-12
    assert record.trainFcn == "levenberg_marquardt"
    assert record.performFcn == "mse"
    assert record.trainParam["mu_init"] == 0.01
    assert record.trainParam["max_epochs"] == 6
    assert record.trainInd is record.parts.train
    assert record.valInd is record.parts.validation
    assert record.testInd is record.parts.test
    assert record.stop.toolbox_text == "Maximum epoch reached."


def test_tables_have_a_row_an_epoch_and_a_column_a_field(record):
    table, frame = record.to_table(), record.to_frame()
    names = list(FIELDS)
    assert table.column_names == names
    assert frame.reset_index().columns.tolist() == names
    assert frame.index.name == "epoch"
    for name in names[1:]:
        assert table.column(name).to_pylist() == frame[name].tolist() == [getattr(e, name) for e in record.epochs]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("epochs"),
        lambda d: d.pop("parts"),
        lambda d: d["epochs"].pop("mu"),
        lambda d: d["epochs"]["mu"].pop(),
        lambda d: d["epochs"]["performance"].__setitem__(0, "low"),
        lambda d: d["epochs"]["epoch"].__setitem__(0, None),
        lambda d: d["parts"].update(train="all"),
        lambda d: d.update(stop={"code": "goal"}),
        lambda d: d.update(stop="goal"),
        lambda d: d.update(settings=None),
        lambda d: d.update(best_epoch=7),
        lambda d: d.update(best_epoch=-1),
    ],
)
def test_a_description_that_is_none_is_refused(record, spoil):
    description = json.loads(record.to_json())
    spoil(description)
    with pytest.raises(DataError, match="record"):
        Record.from_dict(description)


def test_what_the_algorithm_reports_is_a_column_too(record):
    epochs = [replace(epoch, quantities={"gamma": float(epoch.epoch)}) for epoch in record.epochs]
    epochs[0] = record.epochs[0]
    reporting = replace(record, epochs=epochs, evaluations={"value": 9})
    again = Record.from_dict(json.loads(reporting.to_json()))
    assert again.evaluations == {"value": 9}
    assert again.columns == (*FIELDS, "gamma")
    assert np.isnan(again.column("gamma")[0])
    assert again.column("gamma")[1:].tolist() == list(range(1, len(epochs)))
    assert reporting.to_table().column_names[-1] == reporting.to_frame().columns[-1] == "gamma"
    with pytest.raises(ConfigurationError, match="'gamma', got 'gama'"):
        again.column("gama")


def test_a_record_of_hashed_parts_holds_counts_and_comes_back():
    record = a_record()
    record.parts = HashedParts(7_000_000, 1_500_000, 1_500_000, 0.15, 0.15, seed=3)
    text = record.to_json()
    assert len(text) < 10_000
    assert Record.from_dict(json.loads(text)).parts == record.parts
    assert len(record.parts.validation) == 1_500_000
    with pytest.raises(DataError, match="their numbers are not kept"):
        record.trainInd  # noqa: B018
