"""An objective of blocks that come and go is the objective of the arrays they are made of."""

import gc
import weakref
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.errors import ShapeError
from marquardt.losses import Huber, WeightDecay
from marquardt.networks import Scaling, cascade_forward, feed_forward, initial_weights
from marquardt.numerics import native_kernel
from marquardt.objective import ArraySource, Block, Derivatives, Objective, PassEndedError
from marquardt.objective.blocks import make_blocks

rng = np.random.default_rng(3)
INPUTS = rng.normal(size=(203, 4))
TARGETS = rng.normal(size=(203, 2))
FORMS = ("pairs", "explicit", "neuron_by_neuron", "samples", "matrix_free")


@dataclass
class Fleeting:
    """Samples whose blocks are made anew in every pass, and are gone when it is over."""

    inputs: np.ndarray
    targets: np.ndarray
    held_bytes: int = 1000
    fails_in: int | None = None
    weighs_outputs: bool = False

    def __post_init__(self):
        self.n_inputs, self.n_outputs = self.inputs.shape[1], self.targets.shape[1]
        self.n_samples = len(self.inputs)
        self.total_weight = float(self.n_samples)
        self.seen = []

    only = None

    def blocks(self, input_scaling, target_scaling, block_size):
        self._arguments = None, None, input_scaling, target_scaling, block_size
        return self

    def _made(self):
        return [Block(b.inputs, b.targets, b.weight) for b in make_blocks(self.inputs, self.targets, *self._arguments)]

    def __iter__(self):
        yield from self.shares(1)[0]

    def shares(self, threads):
        self.is_stopped = False

        def share(number):
            for index, block in enumerate(self._made()):
                if self.is_stopped:
                    raise PassEndedError
                if index == self.fails_in:
                    raise OSError("The disk is gone.")
                if index % threads == number:
                    self.seen.append(weakref.ref(block.inputs))
                    yield block

        return [share(number) for number in range(threads)]

    def stop(self):
        self.is_stopped = True


def both(form, threads, block_size, graph=None, **options):
    graph = feed_forward(4, 5, 2) if graph is None else graph
    scalings = {"input_scaling": Scaling.fit("minmax", INPUTS), "target_scaling": Scaling.fit("standard", TARGETS)}
    options |= scalings | {"form": form, "threads": threads, "block_size": block_size}
    source = Fleeting(INPUTS, TARGETS)
    kept = Objective(graph, INPUTS, TARGETS, **options)
    return initial_weights(graph, rng=1), kept, Objective.of(graph, source, **options), source


@pytest.mark.parametrize("block_size", [7, 50, 128, 300])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_a_stream_of_blocks_is_the_arrays_to_rounding(form, threads, block_size):
    if form == "neuron_by_neuron" and block_size < 50:
        pytest.skip("slow")
    weights, kept, streamed, _ = both(form, threads, block_size, penalty=WeightDecay(0.1))
    for point in (weights, 2 * weights, weights):  # what is kept of one point must not reach the next
        for need in (Derivatives.VALUE, Derivatives.GRADIENT, Derivatives.NORMAL):
            a, b = kept.at(point, need), streamed.at(point, need)
            assert_allclose(b.loss, a.loss, rtol=1e-13)
            if need is not Derivatives.VALUE:
                assert_allclose(b.gradient, a.gradient, rtol=0, atol=1e-12 * np.abs(a.gradient).max())
        step, other = a.damped_step(0.1)[0], b.damped_step(0.1)[0]
        assert_allclose(other, step, rtol=0, atol=1e-8 * np.abs(step).max())
    kept.close()
    streamed.close()


@pytest.mark.parametrize("need", [Derivatives.PRODUCT, Derivatives.HESSIAN])
def test_second_derivatives_of_a_stream(need):
    weights, kept, streamed, _ = both("pairs", 1, 64, graph=cascade_forward(4, (3, 2), 2))
    a, b = kept.at(weights, need), streamed.at(weights, need)
    if need is Derivatives.PRODUCT:
        vectors = np.eye(len(weights))[:, :3]
        assert_allclose(b.times(vectors), a.times(vectors), atol=1e-12)
    else:
        assert_allclose(b.hessian, a.hessian, atol=1e-12)


def test_another_loss_on_a_stream():
    weights, kept, streamed, _ = both("pairs", 2, 40, loss=Huber(0.3))
    assert_allclose(
        streamed.at(weights, Derivatives.NORMAL).normal, kept.at(weights, Derivatives.NORMAL).normal, atol=1e-12
    )


@pytest.mark.parametrize("form", ["pairs", "explicit", "matrix_free"])
def test_nothing_of_a_block_that_went_by_is_kept(form):
    weights, _, streamed, source = both(form, 1, 20)
    streamed.at(weights, Derivatives.NORMAL)
    streamed.at(weights, Derivatives.VALUE)
    gc.collect()
    assert sum(seen() is not None for seen in source.seen) <= 1  # the last one, at most


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("fails_in", [0, 3])
def test_an_error_while_reading_is_what_the_caller_sees(threads, fails_in):
    weights, _, streamed, source = both("pairs", threads, 30)
    source.fails_in = fails_in
    with pytest.raises(OSError, match="The disk is gone"):
        streamed.at(weights, Derivatives.NORMAL)
    source.fails_in = None
    assert np.isfinite(streamed.at(weights, Derivatives.NORMAL).loss)
    streamed.close()


def test_the_plan_of_a_stream_counts_what_is_in_memory_at_a_time():
    _, kept, streamed, source = both("pairs", 1, 64)
    data = 8 * 203 * (4 + 1 + 2)
    assert kept.plan.keeps_pairs is (native_kernel() is None)
    assert not streamed.plan.keeps_pairs
    kept_pairs = 8 * 203 * 15 * kept.plan.keeps_pairs
    assert kept.plan.memory - data - kept_pairs == streamed.plan.memory - source.held_bytes


def test_a_source_of_another_width_is_refused():
    source = ArraySource(INPUTS, TARGETS)
    with pytest.raises(ShapeError, match="The network has 3 inputs, the samples have 4"):
        Objective.of(feed_forward(3, 2, 2), source)
    with pytest.raises(ShapeError, match="The network has 1 outputs, the samples have 2"):
        Objective.of(feed_forward(4, 2, 1), source)
