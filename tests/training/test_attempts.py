"""How far apart restarts came out, in numbers and in words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from marquardt.training import Attempt, spread_of


def attempts(*errors, validation=math.nan, stop="epochs"):
    return [Attempt(k, 10, error, validation, stop, 0.1, error) for k, error in enumerate(errors)]


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


def test_a_single_run_has_no_median():
    assert str(spread_of(attempts(0.5))) == "1 restart: 0.5 on the training part."
