"""Settings of every test run: one BLAS thread, and Hypothesis without a clock or chance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import scipy.linalg  # noqa: F401 - its BLAS must be loaded before it can be held
from hypothesis import settings
from threadpoolctl import threadpool_limits

from marquardt.networks import ACTIVATIONS
from marquardt.numerics import native

settings.register_profile("marquardt", deadline=None, derandomize=True)


def pytest_configure(config: pytest.Config) -> None:
    """Hold BLAS to one thread until the run ends; tests of the threads knob set their own number."""
    limits = threadpool_limits(limits=1)
    config.add_cleanup(limits.restore_original_limits)
    settings.load_profile("marquardt")


@pytest.fixture(scope="module", params=["kernel", "numpy"])
def with_and_without_kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test twice, by the compiled kernel, where there is one, and by NumPy alone."""
    found = native._MODULE
    if request.param == "kernel" and found is None:
        pytest.skip("There is no compiled kernel here.")
    native._MODULE = found if request.param == "kernel" else None
    yield
    native._MODULE = found


@pytest.fixture(autouse=True)
def _activations_as_they_came() -> Iterator[None]:
    """Let no test see what another one registered."""
    before = dict(ACTIVATIONS)
    yield
    if before != ACTIVATIONS:
        ACTIVATIONS.clear()
        ACTIVATIONS.update(before)
