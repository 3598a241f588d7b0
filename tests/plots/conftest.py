"""Axes to draw into, and a watch on windows."""

from __future__ import annotations

import pytest
from matplotlib import pyplot


@pytest.fixture
def ax():
    return pyplot.subplots()[1]


@pytest.fixture(autouse=True)
def _nothing_is_shown(monkeypatch):
    def shown(*args, **options):
        pytest.fail("A picture showed itself.")

    monkeypatch.setattr(pyplot, "show", shown)
    monkeypatch.setattr("matplotlib.figure.Figure.show", shown)
