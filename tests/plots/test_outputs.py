"""Pictures of outputs and targets hold every sample."""

import sys

import numpy as np
import pytest
from matplotlib import pyplot

from marquardt.errors import ConfigurationError, DataError, MissingExtraError, ShapeError
from marquardt.plots import error_histogram, regression
from marquardt.plots.style import PARTS
from marquardt.training import Parts

TARGETS = np.zeros(6)
ERRORS = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0])
DIVIDED = Parts(np.array([0, 2, 3]), np.array([1, 4]), np.array([5]))


def heights(bars):
    return [int(bar.get_height()) for bar in bars]


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_regression_draws_points_line_and_r(ax):
    targets, outputs = np.array([[1.0], [2.0], [4.0]]), np.array([1.5, 1.5, 5.0])
    assert regression(targets, outputs, ax) is ax
    line, points = ax.lines
    assert points.get_xydata().tolist() == [[1, 1.5], [2, 1.5], [4, 5]]
    assert line.get_xydata().tolist() == [[1, 1], [5, 5]]
    assert labels(ax) == ["output = target"]
    assert ax.get_title() == f"R = {np.corrcoef([1, 2, 4], outputs)[0, 1]:.4g}"


def test_regression_of_constants_has_no_r(ax):
    assert regression([1.0, 1.0], [1.0, 2.0], ax).get_title() == "R is not defined"


def test_regression_of_parts_has_a_panel_each_and_one_of_all():
    outputs = TARGETS + ERRORS
    wanted = np.arange(6.0)
    panels = regression(wanted, wanted + ERRORS, parts=DIVIDED)
    assert [len(ax.lines[1].get_xdata()) for ax in panels] == [3, 2, 1, 6]
    assert panels[1].lines[1].get_xydata().tolist() == [[1, 0], [4, 5]]
    r = [f"R = {np.corrcoef(wanted[rows], (wanted + ERRORS)[rows])[0, 1]:.4g}" for rows in (DIVIDED.train, range(6))]
    titles = [f"training (3): {r[0]}", "validation (2): R = 1", "test (1): R is not defined", f"all (6): {r[1]}"]
    assert [ax.get_title() for ax in panels] == titles
    assert {ax.lines[0].get_xydata().tolist().__repr__() for ax in panels} == {"[[-2.0, -2.0], [7.0, 7.0]]"}
    assert len({ax.get_xlim() for ax in panels} | {ax.get_ylim() for ax in panels}) == 1
    colors = [ax.lines[1].get_color() for ax in panels[:3]]
    assert colors == [color for _, color, _, _ in PARTS.values()]
    none = np.empty(0, dtype=np.intp)
    two = regression(TARGETS, outputs, parts=Parts(np.array([2, 3]), none, none))
    assert [ax.get_title() for ax in two] == ["training (2): R is not defined", "all (6): R is not defined"]


def test_regression_of_parts_draws_where_it_is_told():
    _, axes = pyplot.subplots(2, 2)
    panels = regression(TARGETS, TARGETS + ERRORS, axes, parts=DIVIDED)
    assert panels == tuple(axes.ravel())
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in panels)
    with pytest.raises(ConfigurationError, match=r"4 panels \(training, validation, test, all\), got 1 axes"):
        regression(TARGETS, TARGETS, axes[0, 0], parts=DIVIDED)


@pytest.mark.parametrize(("style", "color"), [("default", "black"), ("dark_background", "white")])
def test_lines_are_seen_on_a_light_and_on_a_dark_ground(style, color):
    with pyplot.style.context(style):
        for line in (regression(TARGETS, ERRORS).lines[0], error_histogram(TARGETS, ERRORS).lines[0]):
            assert line.get_color() == color


def test_error_histogram_counts_output_minus_target(ax):
    assert error_histogram(TARGETS, TARGETS + ERRORS, bins=4, ax=ax) is ax
    assert heights(ax.patches) == [1, 1, 2, 2]
    assert [bar.get_x() for bar in ax.patches] == [-2, -1, 0, 1]
    assert set(ax.lines[0].get_xdata()) == {0}
    assert labels(ax) == ["zero error"]


def test_error_histogram_stacks_the_parts_in_their_colors(ax):
    error_histogram(TARGETS, TARGETS + ERRORS, DIVIDED, bins=4, ax=ax)
    assert [heights(bars) for bars in ax.containers] == [[1, 0, 2, 0], [0, 1, 0, 1], [0, 0, 0, 1]]
    tops = np.array([[bar.get_y() + bar.get_height() for bar in bars] for bars in ax.containers])
    assert tops[-1].tolist() == [1, 1, 2, 2]  # as without parts
    colors = ["#{:02x}{:02x}{:02x}".format(*(int(255 * c) for c in bars[0].get_facecolor())) for bars in ax.containers]
    assert colors == [color.lower() for _, color, _, _ in PARTS.values()]
    assert len({bars[0].get_hatch() for bars in ax.containers}) == 3
    assert labels(ax) == ["zero error", "training (3)", "validation (2)", "test (1)"]


def test_error_histogram_leaves_out_what_is_in_no_part(ax):
    none = np.empty(0, dtype=np.intp)
    error_histogram(TARGETS, TARGETS + ERRORS, Parts(np.array([2, 3]), none, none), bins=2, ax=ax)
    assert [heights(bars) for bars in ax.containers] == [[1, 1]]
    assert ax.patches[0].get_x() == 0


def test_error_histogram_of_equal_errors_is_one_bar(ax):
    error_histogram(TARGETS, TARGETS + 1.0, ax=ax)
    assert sorted(heights(ax.patches)) == [0] * 19 + [6]


@pytest.mark.parametrize("picture", [regression, error_histogram])
@pytest.mark.parametrize(
    ("targets", "outputs", "error", "message"),
    [
        ([1.0], [1.0, 2.0], ShapeError, "as many rows"),
        (np.ones((3, 2)), np.ones((3, 2)), ShapeError, "one target at a time"),
        ([], [], DataError, "at least one"),
        ([np.nan], [1.0], DataError, "finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(picture, targets, outputs, error, message):
    with pytest.raises(error, match=message):
        picture(targets, outputs)
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("bins", [0, 2.5, "auto"])
def test_number_of_bars_that_cannot_be_is_refused(bins):
    with pytest.raises(ConfigurationError, match="bins must be a whole number from 1 up"):
        error_histogram([1.0], [1.0], bins=bins)


@pytest.mark.parametrize("picture", [regression, error_histogram])
def test_parts_of_other_data_are_refused(picture):
    with pytest.raises(DataError, match="train part has rows from 0 to 7, and there are 6 samples"):
        picture(TARGETS, TARGETS, parts=Parts.all_training(8))


@pytest.mark.parametrize("picture", [regression, error_histogram])
def test_parts_without_a_sample_are_refused(picture):
    with pytest.raises(DataError, match="no sample"):
        picture(TARGETS, TARGETS, parts=Parts.all_training(0))


@pytest.mark.parametrize("picture", [regression, error_histogram])
def test_missing_matplotlib_names_the_extra(picture, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"marquardt\[plots\]"):
        picture([1.0, 2.0], [1.0, 2.5])
