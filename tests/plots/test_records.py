"""Pictures of a record hold what the record holds."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot

from marquardt.errors import ConfigurationError, DataError, MissingExtraError
from marquardt.plots import performance, training_state
from marquardt.training import Epoch, Parts, Record, Stop


def record_of(validation=(9.0, 4.0, 5.0), training=(8.0, 3.0, 1.0), gradient=1.0, mu=(1e-3, 1e-4, 1e-5), reported=()):
    reported = reported or [{}] * len(training)
    gradient = np.broadcast_to(gradient, len(training)).tolist()
    best = int(np.argmin(training if np.isnan(validation).all() else validation))
    epochs = [
        Epoch(n, t, v, np.nan, gradient[n], mu[n], max(0, n - best), 0.1 * n, 1, t, reported[n])
        for n, (t, v) in enumerate(zip(training, validation, strict=True))
    ]
    return Record("lm", {"max_fail": 6}, "mse", Parts.all_training(8), epochs, Stop("epochs", "Done.", False), best)


NONE = (np.nan,) * 3


def empty():
    return Record("lm", {}, "mse", Parts.all_training(8))


def lines_of(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def titles(panels):
    return [ax.get_ylabel().replace("\n", " ") for ax in panels]


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
    performance(record_of(validation=NONE), ax)
    assert lines_of(ax)["kept: epoch 2"].tolist() == [[2, 1]]


def test_performance_of_an_exact_fit_is_drawn_all_the_same(ax):
    performance(record_of(validation=NONE, training=(1.0, 0.5, 0.0)), ax)
    ax.figure.canvas.draw()
    assert lines_of(ax)["kept: epoch 2"].tolist() == [[2, 0]]


def test_training_state_draws_gradient_damping_and_validation_checks():
    panels = training_state(record_of(gradient=(100.0, 1.0, 0.01)))
    assert titles(panels) == ["mse gradient norm", "mu", "validation checks"]
    assert [ax.get_yscale() for ax in panels] == ["log", "log", "linear"]
    assert panels[0].lines[0].get_ydata().tolist() == [100, 1, 0.01]
    assert panels[1].lines[0].get_ydata().tolist() == [1e-3, 1e-4, 1e-5]
    checks, limit = panels[2].lines
    assert checks.get_ydata().tolist() == [0, 0, 1]
    assert set(limit.get_ydata()) == {6}
    assert [text.get_text() for text in panels[2].texts] == ["stop at 6"]
    assert [ax.get_xlabel() for ax in panels] == ["", "", "epoch"]


def test_training_state_has_a_panel_for_all_that_the_algorithm_reports():
    reported = [{"alpha": 0.1, "gamma": 9.0}, {"alpha": 1.0, "gamma": 8.0}, {"alpha": 10.0, "gamma": 7.0}]
    panels = training_state(record_of(validation=NONE, mu=NONE, reported=reported))
    assert titles(panels) == ["mse gradient norm", "alpha", "gamma"]  # no damping, no validation
    assert [ax.get_yscale() for ax in panels] == ["linear", "log", "linear"]
    assert panels[2].lines[0].get_ydata().tolist() == [9, 8, 7]


def test_quantity_that_begins_late_begins_late_in_the_picture():
    late = training_state(record_of(reported=[{"rate": np.nan}, {"rate": 0.5}, {"rate": np.nan}]))[2].lines[0]
    assert np.isnan(late.get_ydata()).tolist() == [True, False, True]
    # A value without neighbors would be no line at all.
    assert (late.get_marker(), late.get_markevery()) == ("o", [1])


def test_gradient_of_exactly_zero_leaves_a_gap_on_a_logarithmic_axis():
    panel = training_state(record_of(gradient=(100.0, 1.0, 0.0)))[0]
    panel.figure.canvas.draw()
    np.testing.assert_equal(panel.lines[0].get_ydata(), [100, 1, np.nan])
    assert panel.get_ylim() == (0.1, 1000)


def test_infinite_gradient_is_left_out():
    panel = training_state(record_of(gradient=(np.inf, 100.0, 1.0)))[0]
    panel.figure.canvas.draw()
    assert panel.get_ylim() == (0.1, 1000)


def test_training_state_uses_the_axes_that_are_given():
    axes = pyplot.subplots(3, 1)[1]
    assert training_state(record_of(), axes) == tuple(axes)
    assert len(pyplot.get_fignums()) == 1


def test_training_state_refuses_another_number_of_axes(ax):
    with pytest.raises(ConfigurationError, match=r"3 panels \(mse gradient norm, mu, .*got 1 axes. Give 3"):
        training_state(record_of(), ax)


@pytest.mark.parametrize("picture", [performance, training_state])
def test_record_of_a_start_alone_is_drawn_as_dots(picture):
    record = record_of((2.0,), (1.0,), mu=(0.001,))
    panels = np.atleast_1d(picture(record))
    panels[0].figure.canvas.draw()
    assert panels[0].lines[0].get_marker() == "o"
    assert panels[0].get_xlim()[0] < 0 < panels[0].get_xlim()[1]


@pytest.mark.parametrize("picture", [performance, training_state])
def test_empty_record_is_refused(picture):
    with pytest.raises(DataError, match="no epoch"):
        picture(empty())
    assert not pyplot.get_fignums()


def test_new_axes_are_made_when_none_are_given():
    assert performance(record_of()) is not performance(record_of())


@pytest.mark.parametrize("picture", [performance, training_state])
def test_missing_matplotlib_names_the_extra(picture, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"marquardt\[plots\]"):
        picture(record_of())


def test_import_brings_no_matplotlib():
    code = "import sys, marquardt.plots; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
