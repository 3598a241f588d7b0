"""An interrupt at any line of a training, once an epoch is done, leaves the best network and a record that is of it."""

import random
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from marquardt.algorithms import ALGORITHMS
from marquardt.training import Fitting, Limits, Settings

TIMES = 20
LINES = 2500
"""About as many are run in the epochs after the first."""
INPUTS = np.linspace(-1, 1, 40)[:, None]
TARGETS = np.sin(3 * INPUTS)
WAYS = [
    *({"algorithm": name} for name in dict.fromkeys(kind.name for kind in ALGORITHMS.values())),
    {"alpha": "auto"},
    {"alpha": "auto", "restarts": 3},
    {"restarts": 8},
    {"algorithm": "bfgs", "restarts": 3},
]


def interrupted(fitting, line):
    """Train, and raise at a line that is run after the first epoch; returns whether there were as many."""
    left, is_counted = line, False

    def trace(frame, event, argument):
        nonlocal left
        # Python's own interrupts do not come between a lock and its release in the simple lines of threads.py.
        if "marquardt" not in frame.f_code.co_filename or frame.f_code.co_filename.endswith("threads.py"):
            return None
        if is_counted and event == "line":
            left -= 1
            if left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    try:
        pulled = iter(fitting)
        sys.settrace(trace)
        for epoch in pulled:
            is_counted = is_counted or epoch.epoch >= 1
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("choices", WAYS, ids=lambda choices: "-".join(map(str, choices.values())))
def test_an_interrupt_at_any_line_leaves_the_best_network_and_its_record(choices):
    draw, n_interrupted = random.Random(0), 0
    for _ in range(TIMES):
        settings = Settings(hidden_layer_sizes=3, limits=Limits(max_epochs=6, min_gradient=0), **choices)
        fitting = Fitting(INPUTS, TARGETS, settings, "regression")
        n_interrupted += interrupted(fitting, draw.randint(1, LINES))
        fitting.stop_by_user()
        record = fitting.record
        assert record.num_epochs >= 1
        assert record.stop is not None
        assert len(fitting.summaries) >= 1
        error = np.mean((fitting.network.outputs(INPUTS) - TARGETS) ** 2)
        assert_allclose(error, record.best_perf, rtol=1e-6)  # in scaled and in own units
    assert n_interrupted
