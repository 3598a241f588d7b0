"""Comparing: fair starts, reproducible runs, interrupts, resuming."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from marquardt.algorithms import LevenbergMarquardt, Step, StepRule, Verdict
from marquardt.comparison import Comparison, compare
from marquardt.errors import ConfigurationError, FileError
from marquardt.losses import LogisticCrossEntropy
from marquardt.networks import Activation, feed_forward, register_activation
from marquardt.objective import Derivatives
from marquardt.problems import Problem, problem_named

EASY = "parity-3-bridged:2"
LM, DESCENT = "lm", "steepest_descent"


def info(comparison):
    """All that a seed decides: not the seconds, and not the memory, which Python's own bookkeeping is part of."""
    return {
        (run.algorithm, run.start): (run.succeeded, run.stop, run.epochs, run.losses.tobytes(), str(run.evaluations))
        for run in comparison.runs
    }


def interrupting(after):
    """A progress that behaves as Ctrl-C does, after a number of runs."""

    def progress(run, n_done, n_all):
        if n_done == after:
            raise KeyboardInterrupt

    return progress


@dataclass(frozen=True)
class Halving(StepRule):
    """Halves the weights of a linear network at every step, so that its runs can be told beforehand."""

    name = "halving"
    point_need = Derivatives.GRADIENT
    trial_need = Derivatives.VALUE

    def start(self, current):
        return 0

    def propose(self, current, state):
        return Step(-0.5 * current.weights, 0.0), state

    def judge(self, current, step, trial, state):
        return Verdict.ACCEPT, state


@pytest.fixture
def countdown():
    """One weight, no bias: the output is the weight, the target 0, so mse = weight² falls to a quarter an epoch."""
    from marquardt.networks import Layer, LayerGraph

    graph = LayerGraph(1, (Layer(1, "identity", bias=False, name="output"),))
    return Problem("countdown", graph, [[1.0]], [[0.0]], goal=1e-3, initialization="uniform")


def test_runs_are_what_they_must_be_for_a_rule_that_can_be_foretold(countdown):
    found = compare(countdown, {"half": Halving()}, n_starts=6)
    for run in found.runs:
        first = countdown.start(run.start).weights[0] ** 2
        needed = max(0, math.ceil(math.log(first / 1e-3, 4)))
        assert run.succeeded
        assert run.epochs == needed
        assert np.allclose(run.losses, first * 0.25 ** np.arange(needed + 1), rtol=1e-12)
        assert len(run.times) == needed + 1
        assert run.evaluations["value"] == needed


@pytest.mark.parametrize("max_epochs", [0, 2, 3])
def test_successes_are_the_runs_that_meet_the_goal_in_time(countdown, max_epochs):
    found = compare(countdown, {"half": Halving()}, n_starts=8, max_epochs=max_epochs)
    needed = [math.ceil(math.log(countdown.start(k).weights[0] ** 2 / 1e-3, 4)) for k in range(8)]
    expected = sum(count <= max_epochs for count in needed)
    assert found.summaries()[0].n_succeeded == expected
    assert {run.stop for run in found.runs if not run.succeeded} <= {"epochs"}


def test_losses_are_in_the_metric_of_the_goal():
    mse = compare(EASY, LM, 1, goal=1e-3, goal_metric="mse").runs[0].losses
    for metric, factor, power in (("sse", 8, 1), ("rmse", 1, 0.5)):
        other = compare(EASY, LM, 1, goal=1e-9, goal_metric=metric).runs[0].losses
        n = min(len(mse), len(other))
        assert np.allclose(other[:n], factor * mse[:n] ** power, rtol=1e-12)
    half_sse = compare(EASY, LM, 1, goal=1e-9, goal_metric="loss").runs[0].losses
    assert np.allclose(half_sse[:n], 4 * mse[:n], rtol=1e-12)


def test_all_algorithms_begin_at_the_same_point():
    found = compare(EASY, [LM, DESCENT], 4, max_epochs=3)
    for one, other in zip(found.runs_of(LM), found.runs_of(DESCENT), strict=True):
        # The compiled kernel and NumPy sum in another order.
        assert one.losses[0] == pytest.approx(other.losses[0], rel=1e-14)
    assert len({run.losses[0] for run in found.runs_of(LM)}) == 4


def test_neither_order_nor_company_nor_count_changes_a_run():
    whole = info(compare(EASY, [LM, DESCENT], 4, max_epochs=30))
    assert info(compare(EASY, [DESCENT, LM], 4, max_epochs=30)) == whole
    alone = info(compare(EASY, LM, 2, max_epochs=30))
    assert alone == {key: run for key, run in whole.items() if key in alone}
    assert info(compare(EASY, LM, 2, seed=1, max_epochs=30)) != alone


def test_processes_change_nothing_and_know_activations_of_the_users_own():
    register_activation(Activation("arctan", np.arctan, lambda net, a: 1 / (1 + net * net)), replace=True)
    x = np.linspace(-1, 1, 15)[:, None]
    problem = Problem("mine", feed_forward(1, 3, 1, activation="arctan"), x, x**3, goal=1e-4, max_epochs=50)
    one = compare(problem, [LM, DESCENT], 3)
    two = compare(problem, [LM, DESCENT], 3, n_jobs=2)
    assert [(run.algorithm, run.start) for run in two.runs] == [(run.algorithm, run.start) for run in one.runs]
    assert info(two) == info(one)
    ended = compare(problem, LM, 8, n_jobs=2, progress=interrupting(after=3))
    assert len(ended.runs) == 3
    assert not ended.is_complete


def test_an_interrupt_keeps_what_is_finished():
    found = compare(EASY, [LM, DESCENT], 5, max_epochs=20, progress=interrupting(after=5))
    assert len(found.runs) == 5
    assert not found.is_complete
    assert [(run.algorithm, run.start) for run in found.runs] == [(LM, 0), (LM, 1), (LM, 2), (DESCENT, 0), (DESCENT, 1)]
    assert set(found.memory) == {LM, DESCENT}


def test_resuming_ends_where_no_interrupt_would_have(tmp_path):
    file = tmp_path / "runs.jsonl"
    options = {"n_starts": 4, "max_epochs": 25, "resume": file}
    first = compare(EASY, [LM, DESCENT], **options, progress=interrupting(after=3))
    seen = []
    second = compare(EASY, [LM, DESCENT], **options, progress=lambda run, done, n_all: seen.append((done, n_all)))
    assert seen == [(k, 8) for k in range(4, 9)]
    assert second.is_complete
    assert info(second) == info(compare(EASY, [LM, DESCENT], 4, max_epochs=25))
    # What the first part measured is what the whole says.
    for run in first.runs:
        again = next(r for r in second.runs if (r.algorithm, r.start) == (run.algorithm, run.start))
        assert np.array_equal(again.times, run.times)
    third = compare(EASY, [LM, DESCENT], **options, progress=interrupting(after=1))
    assert third.to_json() == second.to_json()


def test_resuming_may_add_starts_and_algorithms(tmp_path):
    file = tmp_path / "runs.jsonl"
    compare(EASY, LM, 2, max_epochs=10, resume=file)
    new = []
    more = compare(
        EASY,
        [LM, DESCENT],
        3,
        max_epochs=10,
        resume=file,
        progress=lambda run, *_: new.append((run.algorithm, run.start)),
    )
    assert more.is_complete
    assert new == [(DESCENT, 0), (DESCENT, 1), (LM, 2), (DESCENT, 2)]
    fewer = compare(EASY, LM, 1, max_epochs=10, resume=file)
    assert len(fewer.runs) == 1


def test_a_line_that_was_cut_is_done_again(tmp_path):
    file = tmp_path / "runs.jsonl"
    whole = compare(EASY, LM, 3, max_epochs=10, resume=file)
    content = file.read_bytes()
    file.write_bytes(content[:-30])
    again = compare(EASY, LM, 3, max_epochs=10, resume=file)
    assert info(again) == info(whole)
    assert len(file.read_bytes().splitlines()) == len(content.splitlines())
    assert all(json.loads(line) for line in file.read_text().splitlines())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"seed": 1}, "seed 0, not 1"),
        ({"goal": 0.5}, "goal 0.01, not 0.5"),
        ({"max_epochs": 11}, "max_epochs 10, not 11"),
        ({"problem": "parity-3"}, "problem parity-3-bridged:2, not parity-3:2"),
        ({"min_gradient": 1e-6}, "another network, data or limits"),
        (
            {"algorithms": {"lm": LevenbergMarquardt(mu_init=1.0)}},
            "has another 'lm': .*mu_init=0.001.*, not .*mu_init=1",
        ),
    ],
)
def test_a_file_of_another_comparison_is_refused_and_left_alone(tmp_path, changed, sentence):
    file = tmp_path / "runs.jsonl"
    options = {"problem": EASY, "algorithms": LM, "n_starts": 1, "max_epochs": 10, "resume": file}
    compare(**options)
    before = file.read_bytes()
    with pytest.raises(FileError, match=sentence):
        compare(**{**options, **changed})
    assert file.read_bytes() == before


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path):
    file = tmp_path / "notes.txt"
    for text in ("my notes\n", '{"a": 1}\n', "one line without an end"):
        file.write_text(text)
        with pytest.raises(FileError, match="no file to resume a comparison from"):
            compare(EASY, LM, 1, resume=file)
        assert file.read_text() == text


def test_damage_in_the_middle_is_named(tmp_path):
    file = tmp_path / "runs.jsonl"
    compare(EASY, LM, 2, max_epochs=5, resume=file)
    lines = file.read_text().splitlines()
    lines[2] = lines[2][:20]
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(FileError, match="line 3, is damaged"):
        compare(EASY, LM, 2, max_epochs=5, resume=file)


def test_a_start_whose_loss_is_not_finite_is_a_failure():
    problem = Problem(
        "huge", feed_forward(1, (), 1), [[1e200]], [[0.0]], goal=1.0, initialization="uniform", spread=1e200
    )
    found = compare(problem, LM, 2)
    assert [(run.stop, run.succeeded, run.losses.tolist()) for run in found.runs] == [
        ("overflow", False, [math.inf])
    ] * 2
    assert Comparison.from_dict(json.loads(found.to_json())).to_json() == found.to_json()


def test_more_weights_need_more_memory_for_the_normal_equations():
    # More samples than weights: with fewer, a matrix of the samples would do.
    x = np.linspace(-1, 1, 700)[:, None]
    small, large = (
        compare(Problem("mine", feed_forward(1, size, 1), x, x**2, goal=1e-9), LM, 1, max_epochs=3).memory[LM]
        for size in (5, 100)
    )
    # 301 weights: at least one normal matrix.
    assert large > 301**2 * 8
    assert small < large / 4


def test_labels_name_rules_in_every_way_they_may_be_given():
    fast = LevenbergMarquardt(mu_init=1.0)
    for given in ({"lm": LM, "fast": fast}, [LM, ("fast", fast)], ["lm", ("fast", "lm(mu_init=1.0)")]):
        found = compare(EASY, given, 1, max_epochs=2)
        assert found.algorithms == ("lm", "fast")
        assert "mu_init=1.0" in found.settings["rules"]["fast"]
    assert compare(EASY, fast, 1, max_epochs=2).algorithms == ("levenberg_marquardt",)
    assert compare(EASY, "lm,lm(mu_init=1, mu_decrease=0.5)", 1, max_epochs=2).algorithms == (
        "lm",
        "lm(mu_init=1, mu_decrease=0.5)",
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"algorithms": "ml"}, r"no algorithm 'ml'.*There are levenberg_marquardt"),
        ({"algorithms": "lm(mu=1)"}, "no setting 'mu'"),
        ({"algorithms": "lm(mu_init=-1)"}, "mu_init must be a number above 0"),
        ({"algorithms": "lm(mu_init=1"}, "not closed"),
        ({"algorithms": "lm,,lm"}, "before and after every comma"),
        ({"algorithms": [LM, LM]}, "Two algorithms are called 'lm'"),
        ({"algorithms": []}, "at least one algorithm"),
        ({"algorithms": 3}, "must be names or step rules, got 3"),
        ({"algorithms": [("a", 3)]}, "must be a name, a step rule, or"),
        ({"n_starts": 0}, "n_starts must be a whole number from 1 up"),
        ({"n_jobs": 0}, "n_jobs must be"),
        ({"seed": -1}, "seed must be"),
        ({"goal": 0}, "needs a goal above 0"),
        ({"goal_metric": "mse"}, "goal_metric belongs to a goal"),
        ({"goal": 1, "goal_metric": "mae"}, "goal_metric must be one of"),
        ({"max_epochs": -1}, "max_epochs"),
        ({"problem": "parity"}, None),
    ],
)
def test_options_that_cannot_be_are_refused(options, sentence):
    good = {"problem": EASY, "algorithms": LM, "n_starts": 1, "max_epochs": 2}
    if sentence is None:
        assert compare(**{**good, **options}).is_complete
        return
    with pytest.raises(ConfigurationError, match=sentence):
        compare(**{**good, **options})


def test_a_goal_that_the_loss_cannot_be_measured_in_is_refused_with_the_algorithm_named():
    graph = feed_forward(1, 2, 1, output_activation="logistic")
    problem = Problem("classes", graph, [[-1.0], [1.0]], [[0.0], [1.0]], 0.1, "loss", LogisticCrossEntropy())
    assert compare(problem, LM, 1).runs[0].succeeded
    with pytest.raises(ConfigurationError, match=r"lm cannot train classes: .*Give the goal in 'loss'"):
        compare(problem, LM, 1, goal=0.1, goal_metric="mse")


def test_a_problem_by_name_is_the_problem():
    assert info(compare(EASY, LM, 2)) == info(compare(problem_named(EASY), LM, 2))
