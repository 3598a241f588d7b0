"""The plan keeps within the memory budget, says what it costs, and refuses with what would fit."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest

from marquardt.algorithms import algorithm_named
from marquardt.errors import ConfigurationError, ResourceError
from marquardt.losses import Squares, WeightDecay
from marquardt.networks import Network, feed_forward, initial_weights, layer_recurrent
from marquardt.numerics import native_kernel
from marquardt.objective import Derivatives, MemoryLimit, Objective, sequence_objective
from marquardt.objective.forms.pairs import Pairs
from marquardt.training import Division, Limits, Training

TWO_EPOCHS = Limits(max_epochs=2, max_fail=0)
SYSTEMS = ("samples", "matrix_free")


def of(graph, n_samples, **options):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n_samples, graph.n_inputs))
    return Objective(graph, inputs, rng.normal(size=(n_samples, graph.n_outputs)), **options)


class PlainSquares(Squares):
    """Squares that the compiled kernel does not know."""


@pytest.mark.parametrize(
    ("graph", "n_samples"),
    [
        (feed_forward(5, 10, 1), 3000),
        (feed_forward(10, 40, 3), 2000),
        (feed_forward(3, 300, 1), 100),
        (feed_forward(8, (20, 20), 1), 500),
    ],
    ids=lambda value: value if isinstance(value, int) else value.describe().split()[0],
)
def test_of_the_forms_that_fit_the_one_estimated_fastest_is_taken(graph, n_samples):
    plan = of(graph, n_samples, matrix_free_forms=SYSTEMS).plan
    assert {each.form for each in plan.others} | {plan.form} == {"explicit", "pairs", *SYSTEMS}
    # Truncated steps are no alternative to those of a matrix; with one block the trial's pass is kept.
    rivals = [each for each in plan.others if each.form != "matrix_free"]
    slack = 1.01 if plan.n_blocks == 1 else 1.3
    assert all(plan.epoch_seconds <= slack * each.epoch_seconds for each in rivals)
    assert plan.flops > 0
    assert 0 < plan.seconds <= plan.epoch_seconds


@pytest.mark.parametrize("form", ["pairs", "explicit", "matrix_free", "gradient"])
def test_blocks_shrink_until_the_budget_is_kept_and_so_does_the_memory_that_is_taken(form):
    graph, n_samples = feed_forward(10, 60, 2), 1500
    options = {"form": form} if form != "gradient" else {"most": Derivatives.GRADIENT, "matrices": 0}
    usual = of(graph, n_samples, loss=PlainSquares(), threads=1, **options)
    # Half of what is neither data nor matrices; sample space is nearly all matrices, whatever its blocks.
    lowest = of(graph, n_samples, loss=PlainSquares(), block_size=16, threads=1, **options).plan.memory
    budget = (usual.plan.memory + lowest) // 2
    within = of(graph, n_samples, loss=PlainSquares(), threads=1, max_memory=budget, **options)
    assert within.plan.memory <= budget
    assert within.plan.form == usual.plan.form
    assert within.plan.block_size < usual.plan.block_size or usual.plan.keeps_pairs > within.plan.keeps_pairs
    weights = initial_weights(graph, rng=0)
    need = Derivatives.GRADIENT if form == "gradient" else Derivatives.NORMAL
    tracemalloc.start()
    try:
        current = within.at(weights, need)
        if need is Derivatives.NORMAL:
            assert current.damped_step(1.0)[0] is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The data had been copied before; the plan counts a point more than there is here.
    assert peak <= budget
    assert current.loss == pytest.approx(usual.at(weights, Derivatives.VALUE).loss, rel=1e-12)


@pytest.mark.parametrize(("n_outputs", "n_decays"), [(1, 1), (1, 3), (2, 3)])
def test_sample_space_takes_what_it_says(n_outputs, n_decays):
    graph, n_samples = feed_forward(30, 40, n_outputs), 600
    penalty = WeightDecay((1.0, 2.0) if n_decays == 3 else 0.0)
    objective = of(graph, n_samples, form="samples", penalty=penalty)
    objective.at(np.zeros(graph.n_weights), Derivatives.VALUE)  # has copied the data
    tracemalloc.start()
    try:
        current = objective.at(initial_weights(graph, rng=0), Derivatives.NORMAL)
        assert current.damped_step(1.0)[0] is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    data = 8 * n_samples * (graph.n_inputs + 1 + n_outputs)
    # The plan counts a point and its rows more than there is here.
    assert 1.0 <= (objective.plan.memory - data) / peak <= 1.3


def test_a_budget_makes_another_form_the_choice():
    graph = feed_forward(5, 200, 1)
    plan = of(graph, 300, matrix_free_forms=SYSTEMS, max_memory="3 MB").plan
    assert plan.form == "matrix_free"
    assert plan.memory <= 3_000_000
    assert of(graph, 300, matrix_free_forms=SYSTEMS, max_memory="20 MB").plan.form == "samples"


def test_what_does_not_fit_is_refused_with_the_form_that_would():
    graph = feed_forward(5, 200, 1)  # a matrix takes 15.7 MB
    with pytest.raises(ResourceError) as refusal:
        of(graph, 300, form="samples", matrix_free_forms=SYSTEMS, max_memory="1MB")
    assert re.search(r"with form='samples' needs \d+\.\d MiB, the budget is 976\.6 KiB \(1MB\)\. ", str(refusal.value))
    with pytest.raises(ResourceError, match=r"with form='pairs' needs .* form='matrix_free' would take [\d.]+ [KM]iB"):
        of(graph, 300, form="pairs", matrix_free_forms=SYSTEMS, max_memory="3MB")


def test_where_no_form_fits_the_refusal_names_an_algorithm_or_files():
    graph = feed_forward(5, 200, 1)
    with pytest.raises(
        ResourceError, match=r"even with form='\w+' needs .*algorithm 'lbfgs' .* would take [\d.]+ [KM]iB"
    ):
        of(graph, 300, max_memory="3MB")
    many = np.broadcast_to(0.0, (2_000_000, 5))  # 107 MB once they are scaled, of which nothing is made
    with pytest.raises(ResourceError, match=r"[\d.]+ MiB of it are the scaled data: train from files"):
        Objective(feed_forward(5, 2, 1), many, many[:, :1], most=Derivatives.GRADIENT, matrices=0, max_memory="500kB")


def test_data_that_are_smaller_than_what_files_hold_of_them_are_not_sent_there():
    with pytest.raises(ResourceError, match=r"Even the algorithm 'lbfgs' needs [\d.]+ MiB: give it that"):
        of(feed_forward(5, 2, 1), 30_000, most=Derivatives.GRADIENT, matrices=0, max_memory="500kB")


@pytest.mark.parametrize("algorithm", ["lm", "lm_bfgs", "lbfgs"])
def test_samples_to_validate_on_leave_the_room_to_those_to_train_on(algorithm):
    graph, limit = feed_forward(5, 100, 1), MemoryLimit("1MB")
    for _ in range(2):
        asked = algorithm_named(algorithm).asks("auto", trains=False)
        limit = limit.without(of(graph, 500, max_memory=limit, **asked).plan.memory)
    assert limit.taken < 0.4e6
    trained = of(graph, 2000, most=Derivatives.GRADIENT, matrices=0, max_memory=limit)
    assert trained.plan.memory + limit.taken <= 1e6


def test_a_refusal_of_samples_to_validate_on_says_so_and_names_no_algorithm():
    graph, asked = feed_forward(5, 100, 1), algorithm_named("lm").asks("auto", trains=False)
    with pytest.raises(ResourceError, match=r"beside 500 samples to validate or test on needs .*No algorithm"):
        of(graph, 500, max_memory="40KB", **asked)


def test_a_refusal_counts_what_other_parts_have_taken():
    limit = MemoryLimit("400KB").without(150_000)
    with pytest.raises(ResourceError, match=r"'lbfgs' needs [\d.]+ KiB: give it that, [\d.]+ KiB in all") as told:
        of(feed_forward(5, 100, 1), 2000, most=Derivatives.GRADIENT, matrices=0, max_memory=limit)
    in_all = float(re.search(r"([\d.]+) KiB in all", str(told.value)).group(1)) * 1024
    enough = MemoryLimit(int(in_all) + 1024).without(150_000)
    of(feed_forward(5, 100, 1), 2000, most=Derivatives.GRADIENT, matrices=0, max_memory=enough)


@pytest.mark.parametrize("taken", [0, 2000])
def test_where_nothing_fits_through_time_the_refusal_names_what_would_be_enough(taken):
    network = Network(layer_recurrent(2, 4, 1), np.zeros(33))
    steps = np.zeros((100, 2)), np.zeros((100, 1))
    limit = MemoryLimit("10KB").without(taken)
    with pytest.raises(ResourceError, match="Even the algorithm 'lbfgs' needs") as told:
        sequence_objective(network, *steps, max_memory=limit)
    in_all = re.search(rf"{'' if taken else 'needs '}([\d.]+) KiB{' in all' if taken else ': give'}", str(told.value))
    enough = MemoryLimit(int((float(in_all.group(1)) + 0.1) * 1024)).without(taken)
    sequence_objective(network, *steps, most=Derivatives.GRADIENT, matrices=0, max_memory=enough)


def test_threads_share_a_long_pass_while_there_is_room(monkeypatch):
    monkeypatch.setattr("marquardt.objective.plan.usable_cpus", lambda: 4)
    graph = feed_forward(5, 40, 2)
    plan = of(graph, 20_000).plan
    assert plan.threads == 4
    assert of(graph, 20_000, max_memory=plan.memory).plan.threads == 4
    # Four matrices have no room, one has.
    once = of(graph, 20_000, form="explicit", threads=1, block_size=16).plan.memory
    few = of(graph, 20_000, form="explicit", max_memory=once).plan
    assert few.threads == 1
    assert of(graph, 100).plan.threads == 1


def test_a_sufficient_budget_changes_nothing():
    graph = feed_forward(5, 10, 1)
    assert of(graph, 5000, max_memory="1GB").plan == of(graph, 5000).plan


@pytest.mark.parametrize("budget", [3_000_000, 10_000_000, 60_000_000, 500_000_000])
def test_a_training_with_all_its_parts_stays_within_its_budget(budget):
    rng = np.random.default_rng(0)
    graph = feed_forward(6, 150, 1)
    x, y = rng.normal(size=(3000, 6)), rng.normal(size=(3000, 1))
    start = Network(graph, initial_weights(graph, rng=0))
    parts = Division("random").split(3000)
    tracemalloc.start()
    try:
        run = Training(start, x, y, parts=parts, loss=PlainSquares(), threads=1, max_memory=budget, limits=TWO_EPOCHS)
        for _ in run:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert run.objective.plan.memory < budget
    assert (run.objective.plan.form == "matrix_free") == (budget < 30_000_000)
    # Records, and copies of the weights that are kept.
    assert peak <= budget + 300_000


@pytest.mark.parametrize(("algorithm", "budget"), [("newton", 15_000_000), ("truncated_newton", 2_000_000)])
def test_exact_second_derivatives_stay_within_their_budget(algorithm, budget):
    rng = np.random.default_rng(0)
    graph = feed_forward(6, 60, 1)
    x, y = rng.normal(size=(3000, 6)), rng.normal(size=(3000, 1))
    start = Network(graph, initial_weights(graph, rng=0))
    found, peaks = [], []
    for max_memory in (budget, None):
        tracemalloc.start()
        try:
            rule = algorithm_named(algorithm)
            run = Training(start, x, y, rule=rule, threads=1, max_memory=max_memory, limits=TWO_EPOCHS)
            found.append([epoch.loss for epoch in run])
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[0] <= budget
    assert peaks[1] > peaks[0]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-8)


@pytest.mark.parametrize("wrong", ["2", "2 XB", "many", "-1GB", "", 0, -5, True, float("nan"), float("inf"), [1]])
def test_what_is_no_amount_of_memory_is_refused(wrong):
    with pytest.raises(
        ConfigurationError, match=r"max_memory must be an amount of memory such as '500MB' or '2GB' .*, got"
    ):
        of(feed_forward(1, 2, 1), 3, max_memory=wrong)


@pytest.mark.parametrize("amount", ["2GB", "2 gb", "2.0GB", 2_000_000_000, 2e9, "2000MB", "1.862645149230957 GiB"])
def test_an_amount_may_be_written_in_many_ways(amount):
    with pytest.raises(ResourceError, match=r"the budget is 1\.9 GiB"):
        Objective(feed_forward(10, 2000, 1), np.zeros((9, 10)), np.zeros((9, 1)), max_memory=amount)


def test_the_plan_says_who_does_the_passes():
    objective = of(feed_forward(2, 5, 1), 50)
    assert objective.plan.form == "explicit"
    assert objective.plan.is_compiled == objective.is_compiled == (native_kernel() is not None)
    assert str(objective.plan).startswith("explicit (compiled): 1 block" if objective.is_compiled else "explicit: 1 ")
    for options in ({"form": "pairs"}, {"form": "explicit", "block_size": 10}, {"loss": PlainSquares()}):
        other = of(feed_forward(2, 5, 1), 50, **options)
        assert other.plan.is_compiled == other.is_compiled is False
    asked = of(feed_forward(2, 5, 1), 50, form="explicit", block_size=50)
    assert asked.plan.is_compiled == asked.is_compiled


def test_a_plan_is_told_in_one_line_with_what_an_epoch_takes():
    line = str(of(feed_forward(20, 30, 1), 4000, threads=1).plan)
    assert re.fullmatch(
        r"(pairs|explicit \(compiled\)): \d+ blocks? of up to [\d,]+ samples, 1 thread; an epoch "
        r"[\d.e+]+ flops, about \d[\d.]* ms "
        r"\(an estimate, on one thread\); [\d.]+ MiB of memory",
        line,
    )


def test_through_time_blocks_and_groups_shrink_too():
    network = Network(layer_recurrent(2, 20, 1), np.zeros(layer_recurrent(2, 20, 1).n_weights))
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(40, 2)) for _ in range(50)], [rng.normal(size=(40, 1)) for _ in range(50)]
    usual = sequence_objective(network, *sequences).plan
    within = sequence_objective(network, *sequences, max_memory=usual.memory // 3).plan
    assert within.memory <= usual.memory // 3
    assert usual.flops > 0
    assert 0 < usual.seconds <= usual.epoch_seconds
    assert usual.others[0].form != usual.form
    with pytest.raises(ResourceError, match=r"through time on 2,000 steps with form='\w+' needs .* the budget is"):
        sequence_objective(network, *sequences, max_memory="100kB")


def test_a_plan_is_made_once_for_all_runs_of_a_kind(monkeypatch):
    made = []
    plain = Pairs.normal
    monkeypatch.setattr(Pairs, "normal", lambda *given, **how: made.append(1) or plain(*given, **how))
    graph, rng = feed_forward(7, (5, 3), 2), np.random.default_rng(0)
    inputs, targets = rng.normal(size=(311, 7)), rng.normal(size=(311, 2))
    first = Objective(graph, inputs, targets).plan
    n_made = len(made)
    assert n_made > 0
    assert Objective(graph, inputs + 1, targets).plan == first
    assert len(made) == n_made
    Objective(graph, inputs, targets, max_memory="20MB")
    assert len(made) > n_made
