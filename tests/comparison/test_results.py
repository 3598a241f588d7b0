"""What is said of a set of runs, and that it survives JSON."""

import json
import math

import numpy as np
import pytest

from marquardt.comparison import Comparison, Run
from marquardt.errors import DataError


def run(algorithm, start, stop, losses, seconds=1.0, **evaluations):
    losses = np.array(losses)
    times = np.linspace(0.0, seconds, len(losses))
    return Run(algorithm, start, stop == "goal", stop, len(losses) - 1, seconds, losses, times, evaluations)


RUNS = (
    run("lm", 0, "goal", [1.0, 0.5, 0.01], 1.0, value=4, normal=3),
    run("lm", 1, "goal", [1.0, 0.5, 0.3, 0.2, 0.01], 4.0, value=8, normal=5),
    run("lm", 2, "epochs", [1.0] * 101, 90.0, value=200, normal=101),
    run("gd", 0, "epochs", [1.0, math.inf, math.nan], 2.0, gradient=3),
)
FOUND = Comparison("mine", "sse", 0.02, RUNS, {"lm": 800, "gd": 100}, seed=7, settings={"max_seconds": math.inf})


def test_failures_count_in_the_rate_and_in_no_mean():
    lm, gd = FOUND.summaries()
    assert (lm.n_runs, lm.n_succeeded, lm.success_rate) == (3, 2, 2 / 3)
    assert (lm.epochs_mean, lm.epochs_sd) == (3.0, pytest.approx(math.sqrt(2)))
    assert (lm.seconds_mean, lm.seconds_median) == (2.5, 2.5)
    assert lm.evaluations == {"value": 6, "normal": 4}
    assert lm.memory == 800
    assert (gd.n_succeeded, gd.success_rate, gd.evaluations) == (0, 0.0, {})
    assert all(math.isnan(x) for x in (gd.epochs_mean, gd.epochs_sd, gd.seconds_mean, gd.seconds_median))


def test_a_single_success_has_no_spread():
    (one,) = Comparison("mine", "sse", 0.02, RUNS[:1]).summaries()
    assert (one.epochs_mean, one.epochs_sd, one.seconds_sd) == (2.0, 0.0, 0.0)


def test_an_algorithm_without_a_run_is_in_the_summaries():
    found = Comparison("mine", "sse", 0.02, (), algorithms=("lm",), n_starts=3)
    (lm,) = found.summaries()
    assert lm.n_runs == 0
    assert math.isnan(lm.success_rate)
    assert not found.is_complete


def test_json_gives_the_comparison_back():
    text = FOUND.to_json(indent=1)
    again = Comparison.from_dict(json.loads(text))
    assert again.to_json(indent=1) == text
    assert again.settings["max_seconds"] == math.inf
    for one, other in zip(again.runs, FOUND.runs, strict=True):
        assert np.array_equal(one.losses, other.losses, equal_nan=True)
        assert np.array_equal(one.times, other.times)


@pytest.mark.parametrize("damage", [{"runs": [{}]}, {"runs": 3}, {"goal": "low"}, {"memory": []}])
def test_what_is_no_comparison_is_refused(damage):
    with pytest.raises(DataError, match=r"does not describe a (run|comparison)"):
        Comparison.from_dict({**FOUND.to_dict(), **damage})


def test_frame_has_a_row_a_run():
    pytest.importorskip("pandas")
    frame = FOUND.to_frame()
    assert frame["sse"].iloc[1] == 0.01
    assert list(frame["start"]) == [0, 1, 2, 0]
    assert frame["normal"].iloc[2] == 101
