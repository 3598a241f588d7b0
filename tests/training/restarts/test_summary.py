"""How far apart restarts came out, in numbers and in words."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from marquardt.training import Fitting, Limits, Parts, RestartSummary, Settings, spread_of
from marquardt.training.restarts import kept_of, outcome


def attempts(*errors, validation=math.nan, stop="epochs"):
    return [RestartSummary(k, 10, error, validation, stop, 0.1, error) for k, error in enumerate(errors)]


def test_best_median_worst_and_those_within_one_percent():
    found = spread_of(attempts(0.2, 0.1, 0.101, 0.1011, 0.1), kept=1)
    assert (found.best, found.median, found.worst, found.kept) == (0.1, 0.101, 0.2, 0.1)
    assert found.n_near == 2
    assert str(found) == (
        "5 restarts: best 0.1, median 0.101, worst 0.2 on the training part; 2 others came within 1 % of the best."
    )


@pytest.mark.parametrize(
    ("errors", "words"),
    [((1.0, 2.0), "no other came"), ((1.0, 1.005), "1 other came"), ((0.0, 0.0, 0.0), "2 others came")],
)
def test_others_are_counted_without_the_best(errors, words):
    assert words in str(spread_of(attempts(*errors)))


def test_validation_errors_go_before_those_of_training():
    given = [replace(one, validation=10 - one.performance) for one in attempts(1.0, 2.0, 3.0)]
    found = spread_of(given, kept=2)
    assert (found.part, found.best, found.worst) == ("validation", 7.0, 9.0)


def test_runs_that_end_at_a_goal_are_not_told_apart_by_their_errors():
    given = attempts(0.5, 0.1, 0.3)
    given[1:] = [replace(one, stop="goal") for one in given[1:]]
    assert str(spread_of(given, kept=1)).endswith("; 2 reached the goal.")
    assert str(spread_of(attempts(0.1, 0.1, stop="goal"))).endswith("; all reached the goal.")


def test_one_that_is_kept_for_another_reason_is_told():
    assert str(spread_of(attempts(0.5, 0.25), kept=0)).endswith(" The one that is kept has 0.5.")


def test_under_the_evidence_no_error_is_the_best_or_the_worst():
    found = str(spread_of(attempts(0.5, 0.25, 0.4), kept=0, criterion="evidence"))
    assert found == (
        "3 restarts: lowest error 0.25, median 0.4, highest 0.5 on the training part; no other came within 1 % of the "
        "lowest. The one with the highest evidence is kept; its error is 0.5."
    )


@pytest.mark.parametrize(("criterion", "words"), [("loss", "lowest loss"), ("validation", "lowest validation loss")])
def test_why_another_than_the_lowest_error_is_kept_is_said(criterion, words):
    assert f"The one with the {words}" in str(spread_of(attempts(0.5, 0.25), kept=0, criterion=criterion))
    assert "is kept" not in str(spread_of(attempts(0.5, 0.25), kept=1, criterion=criterion))


def test_a_fitting_says_what_its_restarts_were_ranked_by():
    x = np.linspace(-1, 1, 40)[:, None]
    y = np.sin(3 * x) + 0.2 * np.random.default_rng(0).normal(size=x.shape)
    aside = Parts(np.arange(30), np.arange(30, 40), np.empty(0, dtype=np.intp))
    for alpha, parts, criterion in [("auto", None, "evidence"), (0.1, None, "loss"), ("auto", aside, "validation")]:
        settings = Settings(hidden_layer_sizes=3, alpha=alpha, seed=0, restarts=3, limits=Limits(max_epochs=30))
        fitting = Fitting(x, y, settings, "regression", parts=parts)
        for _ in fitting:
            pass
        assert fitting.spread.criterion == criterion
        assert fitting.kept == kept_of(fitting.summaries)
        told = outcome(fitting.summaries, fitting.spread, fitting.decay)
        assert told["evidence"] == (-fitting.summaries[fitting.kept].merit if criterion == "evidence" else None)


def test_a_single_run_has_no_median():
    assert str(spread_of(attempts(0.5))) == "1 restart: 0.5 on the training part."
