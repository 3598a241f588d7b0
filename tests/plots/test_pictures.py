"""Pictures hold what they are drawn from."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from marquardt.errors import DataError, MissingExtraError, ShapeError
from marquardt.plots import performance, regression
from marquardt.training import Epoch, Parts, Record, Stop

mpl.use("Agg")


@pytest.fixture
def ax():
    from matplotlib import pyplot

    figure, ax = pyplot.subplots()
    yield ax
    pyplot.close(figure)


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def record_of(validation=(9.0, 4.0, 5.0), training=(8.0, 3.0, 1.0)):
    epochs = [
        Epoch(n, t, v, np.nan, 1.0, 0.001, 0, 0.1 * n, 1, t)
        for n, (t, v) in enumerate(zip(training, validation, strict=True))
    ]
    best = int(np.argmin(training if np.isnan(validation).all() else validation))
    return Record("lm", {}, "mse", Parts.all_training(8), epochs, Stop("epochs", "Done.", False), best)


def lines_of(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_performance_draws_the_record_into_the_given_axes(ax):
    assert performance(record_of(), ax) is ax
    lines = lines_of(ax)
    assert lines["training"].tolist() == [[0, 8], [1, 3], [2, 1]]
    assert lines["validation"].tolist() == [[0, 9], [1, 4], [2, 5]]
    assert "test" not in lines  # all NaN
    assert lines["kept: epoch 1"].tolist() == [[1, 4]]
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "mean squared error"


def test_performance_without_validation_marks_the_lowest_training_error(ax):
    performance(record_of(validation=(np.nan,) * 3), ax)
    assert lines_of(ax)["kept: epoch 2"].tolist() == [[2, 1]]


def test_performance_of_an_exact_fit_is_drawn_all_the_same(ax):
    performance(record_of(validation=(np.nan,) * 3, training=(1.0, 0.5, 0.0)), ax)
    ax.figure.canvas.draw()
    assert lines_of(ax)["kept: epoch 2"].tolist() == [[2, 0]]


def test_performance_of_an_empty_record_is_refused(ax):
    with pytest.raises(DataError, match="no epoch"):
        performance(Record("lm", {}, "mse", Parts.all_training(8)), ax)


def test_regression_draws_points_line_and_r(ax):
    targets, outputs = np.array([[1.0], [2.0], [4.0]]), np.array([1.5, 1.5, 5.0])
    assert regression(targets, outputs, ax) is ax
    points = ax.lines[1].get_xydata()
    assert points.tolist() == [[1, 1.5], [2, 1.5], [4, 5]]
    assert lines_of(ax)["output = target"].tolist() == [[1, 1], [5, 5]]
    assert ax.get_title() == f"R = {np.corrcoef([1, 2, 4], outputs)[0, 1]:.4g}"


def test_regression_of_constants_has_no_r(ax):
    assert regression([1.0, 1.0], [1.0, 2.0], ax).get_title() == "R is not defined"


@pytest.mark.parametrize(
    ("targets", "outputs", "error", "message"),
    [
        ([1.0], [1.0, 2.0], ShapeError, "1 and 2"),
        (np.ones((3, 2)), np.ones((3, 2)), ShapeError, "one target at a time"),
        ([], [], DataError, "at least one"),
        ([np.nan], [1.0], DataError, "finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(targets, outputs, error, message, ax):
    with pytest.raises(error, match=message):
        regression(targets, outputs, ax)


def test_new_axes_are_made_when_none_are_given():
    assert performance(record_of()) is not performance(record_of())


def test_missing_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"marquardt\[plots\]"):
        performance(record_of())


def test_import_brings_no_matplotlib():
    code = "import sys, marquardt.plots; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
