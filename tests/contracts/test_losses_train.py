"""Every loss: Levenberg–Marquardt runs on it down to a stationary point."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from helpers.problems import SUMS, random_targets

from marquardt.losses import LOSSES, WeightDecay, loss_named
from marquardt.networks import Network, feed_forward, initial_weights
from marquardt.training import Limits, train

# Neuron by neuron is a loop in Python.
FORMS = [
    pytest.param(form, marks=pytest.mark.slow) if form == "neuron_by_neuron" else form for form in (*SUMS, "samples")
]


def trained(name, n_outputs=2, **options):
    loss = loss_named(name)
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (40, 2))
    graph = feed_forward(2, 3, n_outputs, output_activation=loss.link or "identity")
    start = Network(graph, initial_weights(graph, rng=1))
    # Separable classes have no minimum without a penalty.
    return train(
        start,
        inputs,
        random_targets(loss, rng, 40, n_outputs),
        loss,
        penalty=WeightDecay(0.1),
        limits=Limits(max_epochs=500, min_gradient=1e-6),
        **options,
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LOSSES)
def test_loss_falls_to_a_stationary_point(name, form):
    record = trained(name, form=form).record
    assert record.stop.code == "gradient"
    losses = [epoch.loss for epoch in record.epochs]
    assert all(later <= earlier for earlier, later in pairwise(losses))
    assert losses[-1] < 0.99 * losses[0]
    assert record.gradient[-1] <= 1e-6


@pytest.mark.parametrize("name", LOSSES)
def test_metric_is_the_mean_that_its_name_says(name):
    record = trained(name).record
    loss = loss_named(name)
    assert record.metric == loss.metric
    assert (loss.metric == "mse") == (name == "squares")


@pytest.mark.parametrize("name", ["huber", "cauchy", "soft_l1"])
def test_robust_losses_resist_an_outlier(name):
    x = np.linspace(-1, 1, 41)[:, None]
    y = 0.5 * x
    y[5] += 50.0
    line = feed_forward(1, (), 1)
    errors = {}
    for loss in (loss_named("squares"), loss_named(name, scale=0.1)):
        outputs = train(Network(line, [0.0, 0.0]), x, y, loss).network.outputs(x)
        errors[loss.name] = np.abs(np.delete(outputs - 0.5 * x, 5, axis=0)).max()
    assert errors["squares"] > 1.0
    assert errors[name] < 0.05
