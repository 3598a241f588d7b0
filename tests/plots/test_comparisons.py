"""Pictures of a comparison hold every run of it, whatever became of the runs."""

import sys

import numpy as np
import pytest
from matplotlib import pyplot
from scipy import stats

from marquardt.comparison import Comparison, Run
from marquardt.errors import ConfigurationError, DataError, MissingExtraError
from marquardt.plots import comparison_losses, speed_against_memory, success_rates
from marquardt.plots.comparisons import wilson_interval

PICTURES = [comparison_losses, success_rates, speed_against_memory]
GOAL = 0.01
LONG_NAMES = (
    "levenberg_marquardt",
    "bayesian_regularization",
    "gauss_newton",
    "scaled_conjugate_gradient",
    "conjugate_gradient(fletcher_reeves)",
    "adaptive_gradient_descent_momentum",
    "one_step_secant",
    "steepest_descent",
    "rprop",
    "bfgs",
    "lbfgs",
    "adam",
)


def run_of(algorithm, losses, succeeded=True, start=0, step=0.1):
    losses = np.array(losses, dtype=float)
    times = step * np.arange(len(losses))
    stop = "goal" if succeeded else "epochs"
    return Run(algorithm, start, succeeded, stop, len(losses) - 1, float(times[-1]), losses, times)


def comparison_of(*runs, memory=None, **more):
    memory = {run.algorithm: 1000 for run in runs} if memory is None else memory
    return Comparison("mine", "mse", more.pop("goal", GOAL), runs, memory, **more)


@pytest.fixture
def two():
    """One algorithm that meets the goal in two of three runs, one that never does."""
    return comparison_of(
        run_of("lm", [1.0, 0.1, 0.001], start=0),
        run_of("lm", [2.0, 1.5, 1.0], False, start=1),
        run_of("lm", [4.0, 0.005], start=2),
        run_of("rprop", [1.0, 0.9], False, start=0, step=0.2),
        memory={"lm": 2_000_000, "rprop": 1000},
    )


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def labels_of(legend):
    return [text.get_text() for text in legend.get_texts()]


# ---------------------------------------------------------------- losses


def test_losses_have_a_panel_an_algorithm_and_tell_success_from_failure(two):
    lm, rprop = comparison_losses(two)
    assert [ax.get_title() for ax in (lm, rprop)] == ["lm\n2 of 3", "rprop\n0 of 1"]
    met, missed = lines(lm)["goal met"], lines(lm)["goal missed"]
    np.testing.assert_equal(met.get_ydata(), [1, 0.1, 0.001, np.nan, 4, 0.005, np.nan])
    np.testing.assert_equal(met.get_xdata(), [0, 1, 2, np.nan, 0, 1, np.nan])
    np.testing.assert_equal(missed.get_ydata(), [2, 1.5, 1, np.nan])
    assert met.get_markevery() == [2, 5]  # the ends of the runs
    for told in ("color", "linestyle", "marker"):
        assert getattr(met, f"get_{told}")() != getattr(missed, f"get_{told}")()
    assert "goal met" not in lines(rprop)
    (legend,) = lm.figure.legends
    assert labels_of(legend) == ["goal met", "goal missed", "goal: mse = 0.01"]


@pytest.mark.parametrize(("n_runs", "alpha"), [(2, 0.8), (16, 0.5), (100, 0.4)])
def test_many_runs_are_drawn_fainter(n_runs, alpha):
    runs = [run_of("lm", [1.0, 0.1], start=number) for number in range(n_runs)]
    (panel,) = comparison_losses(comparison_of(*runs))
    assert panel.lines[0].get_alpha() == alpha


def test_losses_show_the_goal_in_every_panel(two):
    for ax in comparison_losses(two):
        assert set(lines(ax)["goal: mse = 0.01"].get_ydata()) == {GOAL}


def test_goal_of_zero_has_no_line():
    (ax,) = comparison_losses(comparison_of(run_of("lm", [1.0, 0.5], False), goal=0.0))
    assert [*lines(ax)] == ["goal missed"]


@pytest.mark.parametrize("against", ["epochs", "seconds"])
def test_panels_have_the_same_scales(two, against):
    axes = pyplot.subplots(1, 2)[1]  # not shared
    lm, rprop = comparison_losses(two, against, axes)
    assert (lm.get_xlim(), lm.get_ylim()) == (rprop.get_xlim(), rprop.get_ylim())
    assert (lm.get_xscale(), lm.get_yscale()) == (rprop.get_xscale(), rprop.get_yscale()) == ("linear", "log")
    assert lm.get_xlabel() == {"epochs": "epoch", "seconds": "seconds"}[against]
    assert lm.get_ylabel() == "mean squared error"


def test_losses_against_seconds_have_the_times(two):
    rprop = comparison_losses(two, "seconds")[1]
    np.testing.assert_equal(lines(rprop)["goal missed"].get_xdata(), [0, 0.2, np.nan])


def test_runs_of_very_different_length_are_drawn_on_a_logarithmic_axis():
    short, long = run_of("lm", [1.0, 0.1]), run_of("adam", np.geomspace(1, 0.001, 101))
    for ax in comparison_losses(comparison_of(short, long)):
        ax.figure.canvas.draw()
        assert ax.get_xscale() == "symlog"
        assert ax.xaxis.get_transform().linthresh == 1  # the first epoch
        assert ax.get_xlim()[0] == 0


def test_diverging_run_does_not_flatten_the_others():
    found = comparison_of(run_of("lm", [2.0, 0.001]), run_of("gauss_newton", [1.0, 1e100, np.inf], False))
    lm, gauss_newton = comparison_losses(found)
    lm.figure.canvas.draw()
    assert lm.get_ylim() == (0.0005, 40.0)  # ten times the highest start, and a factor of 2 around
    missed = lines(gauss_newton)["goal missed"]
    np.testing.assert_equal(missed.get_ydata(), [1, 1e100, np.nan, np.nan])
    assert missed.get_markevery() == [1]  # the last finite loss


def test_loss_of_exactly_zero_is_on_the_lower_edge():
    (ax,) = comparison_losses(comparison_of(run_of("lm", [1.0, 0.1, 0.0])))
    assert ax.get_ylim()[0] == GOAL / 2
    np.testing.assert_equal(lines(ax)["goal met"].get_ydata(), [1, 0.1, GOAL / 2, np.nan])


@pytest.mark.parametrize("losses", [[np.nan], [np.inf], [0.0], [1.0]])
@pytest.mark.parametrize("against", ["epochs", "seconds"])
def test_run_of_a_start_alone_is_drawn(losses, against, ax):
    found = comparison_of(run_of("lm", losses, False), goal=0.0)
    comparison_losses(found, against, ax)
    ax.figure.canvas.draw()
    assert lines(ax)["goal missed"].get_markevery() == ([0] if np.isfinite(losses[0]) else [])


def test_losses_use_the_axes_that_are_given(two):
    figure, axes = pyplot.subplots(2, 1)
    panels = comparison_losses(two, axes=axes)
    assert panels == tuple(axes)
    assert not figure.legends
    assert labels_of(panels[0].get_legend()) == ["goal met", "goal missed", "goal: mse = 0.01"]
    assert len(pyplot.get_fignums()) == 1


def test_losses_refuse_another_number_of_axes(two, ax):
    with pytest.raises(ConfigurationError, match=r"2 panels \(lm, rprop\), got 1 axes"):
        comparison_losses(two, axes=ax)


def test_losses_refuse_an_unknown_axis(two):
    with pytest.raises(ConfigurationError, match=r"against must be one of 'epochs', 'seconds', got 'time'"):
        comparison_losses(two, "time")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 12])
def test_panels_of_new_axes_are_one_an_algorithm_labeled_outside(count):
    found = comparison_of(*(run_of(name, [1.0, 0.001]) for name in LONG_NAMES[:count]))
    panels = comparison_losses(found)
    assert len(panels) == len(panels[0].figure.axes) == count
    columns = panels[0].get_subplotspec().get_gridspec().ncols
    assert [bool(ax.get_ylabel()) for ax in panels] == [number % columns == 0 for number in range(count)]
    # The lowest of every column, also where the last row is not full.
    assert [bool(ax.get_xlabel()) for ax in panels] == [number >= count - columns for number in range(count)]


@pytest.mark.slow
def test_titles_of_long_names_do_not_overlap():
    found = comparison_of(*(run_of(f"{name}(one_more_setting=0.001)", [1.0, 0.001]) for name in LONG_NAMES))
    panels = comparison_losses(found)
    panels[0].figure.draw_without_rendering()
    apart([ax.title for ax in panels])


def test_algorithm_that_has_not_run_yet_has_an_empty_panel():
    found = comparison_of(run_of("lm", [1.0, 0.001]), algorithms=("lm", "bfgs"))
    panels = comparison_losses(found)
    assert panels[1].get_title() == "bfgs\n0 of 0"
    assert texts(success_rates(found)) == ["1 / 1", "no run"]


# ---------------------------------------------------------------- rates


def test_success_rates_are_bars_with_counts_and_intervals(two, ax):
    assert success_rates(two, ax) is ax
    assert [bar.get_width() for bar in ax.patches] == [2 / 3, 0]
    assert texts(ax) == ["2 / 3", "0 / 1"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["lm", "rprop"]
    assert ax.yaxis_inverted()  # the first on top
    for bars, ends in zip(ax.containers[1::2], ((2, 3), (0, 1)), strict=True):
        segment = bars.lines[2][0].get_segments()[0]
        np.testing.assert_allclose(segment[:, 0], wilson_interval(*ends), rtol=1e-14)
    assert ax.get_xlabel() == "runs with mse ≤ 0.01 (lines: 95 % interval)"
    assert ax.get_xlim() == (0, 1)


@pytest.mark.parametrize(("n_succeeded", "n_runs"), [(0, 1), (1, 1), (0, 50), (50, 50), (7, 10), (94, 100)])
def test_interval_is_wilsons(n_succeeded, n_runs):
    expected = stats.binomtest(n_succeeded, n_runs).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson_interval(n_succeeded, n_runs), expected, rtol=1e-12, atol=1e-15)


# ---------------------------------------------------------------- speed and memory


def test_speed_against_memory_is_a_point_an_algorithm(two, ax):
    assert speed_against_memory(two, ax) is ax
    success, failure = ax.lines
    assert success.get_xydata().tolist() == [[pytest.approx(0.15), 2_000_000]]  # the median of 0.2 and 0.1 s
    assert failure.get_ydata().tolist() == [1000]
    assert failure.get_xdata()[0] > ax.patches[0].get_x() > success.get_xdata()[0]  # in a strip of its own
    assert texts(ax) == ["no success", "lm", "rprop"]
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("median time of the successful runs", "peak memory")
    assert failure.get_marker() == "x"


def test_no_strip_where_all_succeeded():
    ax = speed_against_memory(comparison_of(run_of("lm", [1.0, 0.001])))
    assert not ax.patches
    assert texts(ax) == ["lm"]


def test_ticks_say_time_and_memory_and_none_is_in_the_strip(two):
    ax = speed_against_memory(two)
    ax.figure.canvas.draw()
    assert "100 ms" in [label.get_text() for label in ax.get_xticklabels()]
    assert {"1 kB", "1 MB"} <= {label.get_text() for label in ax.get_yticklabels()}
    assert all(tick <= ax.patches[0].get_x() for tick in [*ax.get_xticks(), *ax.get_xticks(minor=True)])


def test_algorithm_whose_memory_was_not_measured_is_left_out(two):
    runs = comparison_of(*two.runs, memory={"rprop": 1000})
    assert texts(speed_against_memory(runs)) == ["no success", "rprop"]


def test_comparison_without_memory_is_refused(two):
    with pytest.raises(DataError, match="no memory"):
        speed_against_memory(comparison_of(*two.runs, memory={}))


def apart(written):
    boxes = [text.get_window_extent() for text in written]
    for number, box in enumerate(boxes):
        for other in boxes[:number]:
            width = min(box.x1, other.x1) - max(box.x0, other.x0)
            height = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert width <= 0 or height <= 0, (box, other)


@pytest.mark.parametrize("spread", [0.0, 0.3], ids=["in one point", "close"])
@pytest.mark.parametrize("n_failed", [0, 5])
def test_labels_of_twelve_algorithms_do_not_overlap_and_stay_inside(spread, n_failed):
    rng = np.random.default_rng(0)
    steps, sizes = 10 ** (spread * rng.standard_normal((2, 12)))
    runs = [
        run_of(name, [1.0, 0.001], succeeded=number >= n_failed, step=steps[number])
        for number, name in enumerate(LONG_NAMES)
    ]
    found = comparison_of(*runs, memory=dict(zip(LONG_NAMES, (sizes * 1e6).astype(int), strict=True)))
    ax = speed_against_memory(found)
    ax.figure.canvas.draw()
    written = [text for text in ax.texts if text.get_text() in LONG_NAMES]
    assert len(written) == 12
    apart(written)
    whole = ax.bbox.padded(1)  # a pixel for rounding
    for text in written:
        extent = text.get_window_extent()
        assert whole.x0 <= extent.x0 < extent.x1 <= whole.x1
        assert whole.y0 <= extent.y0 < extent.y1 <= whole.y1


# ---------------------------------------------------------------- all


@pytest.mark.parametrize("picture", PICTURES)
def test_comparison_in_which_all_failed_is_drawn(picture):
    found = comparison_of(run_of("lm", [1.0, 0.5], False), run_of("bfgs", [1.0, 0.6], False))
    np.atleast_1d(picture(found))[0].figure.canvas.draw()


@pytest.mark.parametrize("picture", PICTURES)
def test_comparison_without_a_run_is_refused(picture):
    with pytest.raises(DataError, match="no run yet"):
        picture(comparison_of(algorithms=("lm",)))
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("picture", PICTURES)
def test_missing_matplotlib_names_the_extra(picture, two, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"marquardt\[plots\]"):
        picture(two)
