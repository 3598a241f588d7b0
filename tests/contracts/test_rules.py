"""Every step rule: start, propose and judge as the loop expects, from any state, on any objective that it takes."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from itertools import islice, pairwise

import numpy as np
import pytest

from marquardt.algorithms import ALGORITHMS, LevenbergMarquardt, StepRule, Verdict, algorithm_named, iterate
from marquardt.errors import ConfigurationError, MarquardtError
from marquardt.losses import LOSSES, loss_named
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.numerics.line_searches import LINE_SEARCHES
from marquardt.objective import Derivatives, Evaluation, Objective, ProblemInfo
from marquardt.training import Limits, Record, Training

KINDS = sorted(set(ALGORITHMS.values()), key=lambda kind: kind.name)
VARIANTS = [
    LevenbergMarquardt(damping="nielsen", scaling="marquardt"),
    LevenbergMarquardt(damping="gain_ratio", rise_after=3),
    LevenbergMarquardt(geodesic=0.75),
    *(
        algorithm_named(name, line_search=search)
        for name in ("steepest_descent", "conjugate_gradient", "newton")
        for search in sorted({kind.name for kind in LINE_SEARCHES.values()})
    ),
]
RULES = [*(kind() for kind in KINDS), *(pytest.param(variant, marks=pytest.mark.slow) for variant in VARIANTS)]
GRAPH = feed_forward(1, 4, 1)
X = np.linspace(-1, 1, 25)[:, None]
Y = np.sin(3 * X) + 0.1 * np.cos(40 * X)
START = initial_weights(GRAPH, rng=0)
N_TRIALS = 40


def name_of(rule):
    return repr(rule)


every_rule = pytest.mark.parametrize("rule", RULES, ids=name_of)


class Watched:
    """An objective that notes what it is asked for."""

    def __init__(self, objective):
        self.objective, self.needs = objective, []

    def at(self, weights, need):
        self.needs.append(need)
        return self.objective.at(weights, need)


def objective():
    return Objective(GRAPH, X, Y)


def walked(rule, n=N_TRIALS, weights=START, state=None, over=None):
    over = objective() if over is None else over
    return list(islice(iterate(over, rule.prepared_for(objective().info), weights, state), n + 1))


def same(row, other):
    return (
        row.verdict is other.verdict
        and np.array_equal(row.current.weights, other.current.weights)
        and row.current.loss == other.current.loss
        and pickle.dumps(row.report) == pickle.dumps(other.report)
    )


@every_rule
def test_it_is_frozen_named_and_equal_to_its_like(rule):
    assert isinstance(rule, StepRule)
    assert ALGORITHMS[rule.name] is type(rule)
    assert rule == dataclasses.replace(rule)
    for setting in rule.__dataclass_fields__:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(rule, setting, 1.0)
    # What the record keeps of it are plain values.
    json.dumps(rule.settings)


@every_rule
def test_it_lowers_the_loss(rule):
    if rule.name == "gauss_newton":
        # Undamped it goes astray from afar, but a linear network is its own model.
        line = Objective(feed_forward(1, (), 1), X, Y)
        rows = walked(rule, 2, np.zeros(2), over=line)
        assert rows[1].current.loss < 0.9 * rows[0].current.loss
        return
    rows = walked(rule, 200)
    assert min(row.current.loss for row in rows) < 0.9 * rows[0].current.loss


@every_rule
def test_the_accepted_loss_never_rises_where_it_says_so(rule):
    rows = walked(rule, 100)
    losses = [row.current.loss for row in rows]
    if rule.never_rises:
        assert all(later <= earlier for earlier, later in pairwise(losses))
    assert all(math.isfinite(loss) for loss in losses)


@every_rule
def test_it_counts_trials_and_moves_only_where_it_accepts(rule):
    for before, row in pairwise(walked(rule)):
        assert row.trial == before.trial + 1
        moved = row.verdict in (Verdict.ACCEPT, Verdict.SETTLED)
        assert row.epoch == before.epoch + moved
        if not moved:
            assert row.current.weights is before.current.weights


@every_rule
def test_the_same_start_gives_the_same_path(rule):
    assert all(same(row, other) for row, other in zip(walked(rule), walked(rule), strict=True))


@every_rule
@pytest.mark.parametrize("after", [0, 1, 7])
def test_a_run_goes_on_from_a_copied_state_as_if_it_had_not_stopped(rule, after):
    whole = walked(rule)
    after = min(after, len(whole) - 1)
    halfway = whole[after]
    again = walked(rule, len(whole) - 1 - after, halfway.current.weights, pickle.loads(pickle.dumps(halfway.state)))
    assert len(again) == len(whole) - after
    assert all(same(row, other) for row, other in zip(again[1:], whole[after + 1 :], strict=True))


@every_rule
def test_a_state_is_never_changed_in_place(rule):
    prepared = rule.prepared_for(objective().info)
    over = objective()
    current = over.at(START, prepared.point_need)
    state = prepared.start(current)
    for _ in range(20):
        kept = pickle.dumps(state)
        step, proposed = prepared.propose(current, state)
        assert pickle.dumps(state) == kept
        trial = (
            Evaluation.overflow(START)
            if step.delta is None
            else over.at(current.weights + step.delta, prepared.trial_need)
        )
        kept = pickle.dumps(proposed)
        verdict, after = prepared.judge(current, step, trial, proposed)
        assert pickle.dumps(proposed) == kept
        if verdict is Verdict.STUCK:
            return
        if verdict is Verdict.ACCEPT:
            current = over.at(trial.weights, prepared.point_need)
        state = after


@every_rule
def test_it_asks_for_what_it_declares_and_for_nothing_else(rule):
    watched = Watched(objective())
    rows = walked(rule, over=watched)
    assert set(watched.needs) <= {rule.point_need, rule.trial_need}
    # An accepted trial that has everything is not evaluated again.
    if rule.trial_need >= rule.point_need:
        assert len(watched.needs) <= len(rows)


@every_rule
def test_a_point_of_infinite_loss_is_never_accepted(rule):
    class Walled(Watched):
        def at(self, weights, need):
            far = np.abs(weights - START).max() > 0.05
            return Evaluation.overflow(weights) if far else super().at(weights, need)

    rows = walked(rule, 40, over=Walled(objective()))
    assert all(math.isfinite(row.current.loss) for row in rows)


@every_rule
def test_it_trains_and_says_why_it_stopped(rule):
    start = Network(GRAPH, START)
    run = Training(start, X, Y, rule=rule, limits=Limits(max_epochs=30))
    list(run)
    record = run.record
    assert record.algorithm == rule.name
    assert record.stop is not None
    assert len(record.stop.sentence) > 20
    assert record.stop.toolbox_text
    assert record.best_perf <= record.perf[0]
    again = Record.from_dict(json.loads(record.to_json()))
    assert again.to_dict() == record.to_dict()
    counts = record.evaluations
    assert counts[rule.point_need.counted_as] > 0
    assert sum(counts.values()) >= record.num_epochs


@every_rule
@pytest.mark.parametrize("name", LOSSES)
def test_it_trains_with_every_loss_or_refuses_it_before_any_work(rule, name):
    loss = loss_named(name)
    graph = feed_forward(1, 3, 2, output_activation=loss.link or "identity")
    rng = np.random.default_rng(0)
    y = rng.normal(size=(25, 2))
    if loss.link is not None:
        y = np.eye(2)[rng.integers(0, 2, 25)]
    start = Network(graph, initial_weights(graph, rng=1))
    limits = Limits(max_epochs=5)
    if max(rule.point_need, rule.trial_need) >= Derivatives.PRODUCT and not hasattr(loss, "second"):
        with pytest.raises(ConfigurationError, match=r"needs second derivatives, and .* has none"):
            Training(start, X, y, loss, rule=rule, limits=limits)
        return
    run = Training(start, X, y, loss, rule=rule, limits=limits)
    list(run)
    assert run.record.best.loss <= run.record.epochs[0].loss or rule.keeps_last


@every_rule
def test_a_loss_without_curvature_is_refused_where_it_is_needed(rule):
    info = ProblemInfo(3, 1, 5, 5.0, loss="mine", has_curvature=False)
    if max(rule.point_need, rule.trial_need) >= Derivatives.CURVATURE:
        with pytest.raises(ConfigurationError, match=r"needs the curvature of the loss, and 'mine' has no.*'bfgs'"):
            rule.prepared_for(info)
    else:
        assert type(rule.prepared_for(info)) is type(rule)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_unknown_settings_are_refused(kind):
    with pytest.raises(MarquardtError, match=f"{kind.name} has no setting 'nonsense'"):
        algorithm_named(kind.name, nonsense=1.0)


@pytest.mark.parametrize("kind", [k for k in KINDS if "line_search" in k.__dataclass_fields__], ids=lambda k: k.name)
def test_unknown_line_searches_are_refused(kind):
    with pytest.raises(ConfigurationError, match=r"line_search must be one of .*Did you mean 'backtracking'"):
        kind(line_search="backtrackin")
