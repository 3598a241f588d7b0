"""The error surface is the objective's, and trajectories are the algorithm's."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.contour import ContourSet

from marquardt.algorithms import LevenbergMarquardt, algorithm_named, iterate
from marquardt.errors import ConfigurationError, DataError, MissingExtraError, ShapeError
from marquardt.networks import feed_forward
from marquardt.objective import Derivatives, Objective
from marquardt.plots import path, surface, trajectories

START = np.array([0.0, 1.5])
BOX = ((-1.0, 3.0), (-2.0, 2.0))


def objective_of(n_hidden=0):
    """A unit tanh(w x + b), which can reach a loss of 0 at (1.2, -0.6); with hidden units, more weights."""
    inputs = np.linspace(0, 3, 15)[:, None]
    hidden = (n_hidden,) if n_hidden else ()
    return Objective(feed_forward(1, hidden, 1, output_activation="tanh"), inputs, np.tanh(1.2 * inputs - 0.6))


@pytest.fixture
def objective():
    return objective_of()


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def contours(ax):
    return [each for each in ax.collections if isinstance(each, ContourSet)]


def test_surface_is_the_loss_at_every_point_of_the_grid(objective):
    first, second, losses = surface(objective, START, limits=((0, 1), (2, 4)), resolution=3)
    assert first.tolist() == [0, 0.5, 1]
    assert second.tolist() == [2, 3, 4]
    for row, trial in enumerate(second):
        for column, current in enumerate(first):
            assert losses[row, column] == objective.at(np.array([current, trial]), Derivatives.VALUE).loss


def test_surface_holds_the_other_weights_and_leaves_them_alone():
    objective = objective_of(2)
    weights = np.linspace(-1, 1, objective.n_weights)
    found = surface(objective, weights, (5, 1), limits=((0, 1), (2, 4)), resolution=2)
    moved = np.linspace(-1, 1, objective.n_weights)
    moved[5], moved[1] = 1, 2
    assert found.losses[0, 1] == objective.at(moved, Derivatives.VALUE).loss
    assert weights.tolist() == np.linspace(-1, 1, objective.n_weights).tolist()


@pytest.mark.parametrize("directions", [(0, 0), (0, 2), (-1, 0), (0,), (0, 1, 0), (0.0, 1), "ab", 1])
def test_directions_that_are_not_two_weights_are_refused(objective, directions):
    with pytest.raises(ConfigurationError, match="directions must be"):
        surface(objective, START, directions)


@pytest.mark.parametrize("limits", [(0, 1), ((0, 1),), ((1, 0), (0, 1)), ((0, np.inf), (0, 1)), ((0, 1), (2, 2))])
def test_limits_that_are_no_ranges_are_refused(objective, limits):
    with pytest.raises(ConfigurationError, match="limits must be two pairs"):
        surface(objective, START, limits=limits)


def test_grid_of_one_point_is_refused(objective):
    with pytest.raises(ConfigurationError, match="resolution must be a whole number from 2 up"):
        surface(objective, START, resolution=1)


def test_path_is_what_the_loop_accepts(objective):
    points = path(objective, LevenbergMarquardt(), START, 5)
    rows = {row.epoch: row.current.weights for row in zip_until(iterate(objective, LevenbergMarquardt(), START), 5)}
    assert points.tolist() == [rows[epoch].tolist() for epoch in range(6)]


def zip_until(rows, epoch):
    for row in rows:
        yield row
        if row.epoch == epoch:
            return


def test_path_ends_where_the_rule_does(objective):
    points = path(objective, LevenbergMarquardt(), START, 1000)
    assert len(points) < 100
    np.testing.assert_allclose(points[-1], [1.2, -0.6], atol=1e-6)  # the loss is quadratic there, rounding 1e-16


def test_path_tells_the_rule_the_facts(objective):
    # The usual rate of gradient descent is 0.02 / number of residuals, which a rule learns only by being told.
    points = path(objective, algorithm_named("gradient_descent"), START, 1)
    gradient = objective.at(START, Derivatives.GRADIENT).gradient
    np.testing.assert_allclose(points[1], START - 0.02 / 15 * gradient, rtol=1e-14)


def test_path_of_no_epoch_is_the_start(objective):
    assert path(objective, LevenbergMarquardt(), START, 0).tolist() == [START.tolist()]


def test_path_does_not_change_the_start(objective):
    start = START.copy()
    path(objective, LevenbergMarquardt(), start, 3)
    assert start.tolist() == START.tolist()


def test_path_refuses_what_the_objective_refuses(objective):
    with pytest.raises(ShapeError, match="weights"):
        path(objective, LevenbergMarquardt(), [1.0], 3)
    with pytest.raises(DataError, match="overflows at the start"):
        path(Objective(feed_forward(1, (), 1), [[1e200]], [[0.0]]), LevenbergMarquardt(), START + 1, 3)


def test_trajectories_draw_every_run_over_the_surface(objective, ax):
    runs = {name: path(objective, algorithm_named(name), START, 8) for name in ("lm", "steepest_descent", "rprop")}
    assert trajectories(objective, runs, ax=ax, limits=BOX, resolution=8) is ax
    lines = ax.lines[::3]  # a line, a ring and a star a run
    for line, points in zip(lines, runs.values(), strict=True):
        assert line.get_xydata().tolist() == points.tolist()
    assert [star.get_xydata().tolist() for star in ax.lines[2::3]] == [[run[-1].tolist()] for run in runs.values()]
    assert legend(ax) == [f"{name} ({len(run) - 1} steps)" for name, run in runs.items()]
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}) == 3
    assert (ax.get_xlim(), ax.get_ylim()) == BOX
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight 0", "weight 1")
    assert len(contours(ax)) == 2
    assert len(pyplot.get_fignums()) == 1


def test_contours_are_logarithmic_in_the_loss(objective, ax):
    trajectories(objective, {}, START, ax=ax, limits=BOX, resolution=9)
    losses = surface(objective, START, limits=BOX, resolution=9).losses
    levels = contours(ax)[0].levels
    np.testing.assert_allclose(levels[[0, -1]], np.log10([losses.min(), losses.max()]), rtol=1e-12)
    np.testing.assert_allclose(np.diff(levels, 2), 0, atol=1e-12)
    assert ax.get_legend() is None


def test_limits_hold_all_points_when_none_are_given(objective):
    ax = trajectories(objective, {"a": [[0.0, 0.0], [2.0, 1.0]], "b": [[-1.0, 0.5]]}, resolution=4)
    np.testing.assert_allclose(ax.get_xlim(), (-1.45, 2.45))  # 15 % of the range on each side
    np.testing.assert_allclose(ax.get_ylim(), (-0.15, 1.15))
    assert legend(ax) == ["a (1 step)", "b (0 steps)"]


def test_run_that_never_moved_has_room_around_it(objective):
    ax = trajectories(objective, {"a": [[0.5, 0.5]]}, resolution=4)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 1.5), (-0.5, 1.5))


def test_surface_is_drawn_where_the_first_run_ended():
    objective = objective_of(2)
    run = path(objective, LevenbergMarquardt(), np.linspace(-1, 1, objective.n_weights), 5)
    ax = trajectories(objective, {"LM": run}, directions=(5, 1), limits=BOX, resolution=5)
    losses = surface(objective, run[-1], (5, 1), limits=BOX, resolution=5).losses
    np.testing.assert_allclose(contours(ax)[0].levels[-1], np.log10(losses.max()), rtol=1e-12)
    assert ax.lines[0].get_xydata().tolist() == run[:, [5, 1]].tolist()
    assert ax.get_xlabel() == "weight 5"


def test_overflow_is_a_hole_in_the_surface():
    steep = Objective(feed_forward(1, (), 1), [[1.0]], [[0.0]])
    limits = ((0, 2e154), (0, 1))
    losses = surface(steep, START, limits=limits, resolution=5).losses
    assert np.isinf(losses).any(axis=0).tolist() == [False, False, False, True, True]  # (1.5e154)² overflows
    ax = trajectories(steep, {}, START, limits=limits, resolution=5)
    ax.figure.canvas.draw()
    np.testing.assert_allclose(contours(ax)[0].levels[-1], np.log10(losses[:, 2].max()))


@pytest.mark.parametrize(
    "targets", [pytest.param(0.0, id="a plain of zero"), pytest.param(1.0, id="a plain above zero")]
)
def test_plain_has_no_contours(targets, ax):
    blind = Objective(feed_forward(1, (), 1, output_activation="relu"), [[0.0]], [[targets]])
    trajectories(blind, {}, START, ax=ax, limits=((-1, 1), (-3, -1)), resolution=3)
    ax.figure.canvas.draw()
    assert not contours(ax)


@pytest.mark.parametrize("run", [[], [1.0, 2.0], [[1.0, 2.0, 3.0]], np.empty((0, 2))])
def test_run_that_is_not_of_the_network_is_refused(objective, run):
    with pytest.raises(ShapeError, match=r"The run 'a' must be of shape \(n_points, 2\)"):
        trajectories(objective, {"a": run})
    assert not pyplot.get_fignums()


def test_no_run_and_no_limits_are_refused(objective):
    with pytest.raises(ConfigurationError, match="There is no run: give limits and weights"):
        trajectories(objective, {}, START)


def test_missing_matplotlib_names_the_extra(objective, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"marquardt\[plots\]"):
        trajectories(objective, {"a": [[0.0, 0.0]]}, resolution=2)


def test_surface_and_path_need_no_matplotlib():
    code = """
import sys
from marquardt.algorithms import LevenbergMarquardt
from marquardt.networks import feed_forward
from marquardt.objective import Objective
from marquardt.plots import path, surface
line = Objective(feed_forward(1, (), 1), [[0.0], [1.0]], [[1.0], [3.0]])
surface(line, path(line, LevenbergMarquardt(), [0.0, 0.0])[-1], resolution=2)
sys.exit("matplotlib" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
