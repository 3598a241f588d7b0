"""Files of estimators from strangers: whatever a section says, it loads and works, or a sentence names it."""

from __future__ import annotations

import contextlib
import random
import zipfile

import numpy as np
import pandas as pd
import pytest
from helpers.remaking import at_random, remade, replacing, setting

from marquardt import DataError, FileError, NetworkClassifier, NetworkForecaster, NetworkRegressor
from marquardt.errors import MarquardtError

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # of numbers that a stranger made
]
QUICK = {"hidden_layer_sizes": (2,), "max_iter": 5, "n_restarts": 2, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2))
Y = X[:, 0] + 0.1 * X[:, 1]
DAYS = pd.date_range("2020-01-01", periods=45, tz="Europe/Berlin")
FUTURE = pd.DataFrame(np.ones((5, 2)), DAYS[40:], columns=["a", "b"])


def dated():
    frame = pd.DataFrame(X, DAYS[:40], columns=["a", "b"])
    return NetworkForecaster((1, 2), (0, 1), **QUICK).fit(pd.Series(Y, DAYS[:40], name="y"), frame)


def several():
    return NetworkForecaster((1, 2), closed_loop=True, **QUICK).fit([Y, 10 * Y])


def numbered():
    return NetworkForecaster((1,), difference=1, **QUICK).fit(pd.Series(Y, 2.5 * np.arange(40)))


def monthly():
    return NetworkForecaster((1, 3), **QUICK).fit(pd.Series(Y, pd.period_range("2020-01", periods=40, freq="M")))


MADE = {
    "regressor": (lambda: NetworkRegressor(**QUICK).fit(X, Y), lambda model: model.predict(X)),
    "classifier": (lambda: NetworkClassifier(**QUICK).fit(X, np.sign(Y)), lambda model: model.predict(X)),
    "dated": (dated, lambda model: model.predict(3, FUTURE)),
    "several": (several, lambda model: (model.predict(3), model.predict(2, y=[Y]), model.update([Y[:2], Y[:2]]))),
    "numbered": (numbered, lambda model: (model.predict(3), model.one_step(Y))),
    "monthly": (monthly, lambda model: (model.predict(3), model.update(Y[:2]))),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Of every kind its class, the bytes of its file, and what is done with it."""
    folder, found = tmp_path_factory.mktemp("made"), {}
    for kind, (make, use) in MADE.items():
        model = make()
        model.save(folder / f"{kind}.marquardt")
        found[kind] = type(model), (folder / f"{kind}.marquardt").read_bytes(), use
    return found


@pytest.mark.parametrize("kind", MADE)
def test_a_file_without_a_change_does_what_the_estimator_did(kind, made, tmp_path):
    estimator, written, use = made[kind]
    (tmp_path / "a.marquardt").write_bytes(written)
    again, wanted = use(estimator.from_file(tmp_path / "a.marquardt")), use(MADE[kind][0]())
    if isinstance(again, np.ndarray):
        np.testing.assert_array_equal(again, wanted)
    else:
        assert repr(again) == repr(wanted)


@pytest.mark.parametrize("kind", MADE)
def test_whatever_is_changed_it_works_or_a_sentence_names_the_file(kind, made, tmp_path):
    estimator, written, use = made[kind]
    path, n_refused = tmp_path / "strange.marquardt", 0
    for seed in range(60):
        change = at_random(random.Random(seed), "about", "about", "record", "graph", "classes")
        path.write_bytes(remade(written, change))
        said = ""
        try:
            model = estimator.from_file(path)
        except (DataError, FileError) as error:
            said = str(error)
        n_refused += bool(said)
        assert not said or str(path) in said
        if not said:
            with contextlib.suppress(MarquardtError):
                use(model)
                model.save(path, force=True)
    assert n_refused > 10  # what is changed is seen


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("dated", setting("about", "fitted", "looks", 0, "names", to=1), "has no len"),
        ("dated", setting("about", "fitted", "looks", 0, "times", "kind", to="moons"), "these are 'moons'"),
        ("dated", setting("about", "fitted", "looks", 0, "odd", to=1), "must be container, names"),
        ("dated", lambda d, m: d["about"]["fitted"].pop("target_names"), "KeyError: 'target_names'"),
        ("dated", setting("about", "fitted", "target_names", to="y"), "must be texts"),
        ("dated", setting("about", "fitted", "lags", to=[1, 2, 3]), "6 inputs and 1 outputs, and its lags make 7"),
        ("dated", setting("about", "fitted", "lags", to=[1, 10**12]), r"must be 1000000000000 × 1 numbers"),
        ("dated", setting("about", "fitted", "lags", to=[1, 0.5]), "whole numbers from 1 up"),
        ("dated", replacing("more_last_targets", np.ones((3, 1))), r"must be 2 × 1 numbers, got \(3, 1\)"),
        ("dated", replacing("more_look_of_series", np.array([1])), "must say of each series"),
        ("several", replacing("more_look_of_series", np.array([0, -1])), "must say of each series"),
        ("several", setting("about", "fitted", "is_many", to=False), "2 series are kept, and one is known"),
        ("several", replacing("more_series_factor", np.ones((2, 3))), r"series_factor must be 2 × 1"),
        ("several", setting("about", "fitted", "closed_loop_record", to={}), "training record"),
        ("classifier", setting("classes", to=[1.0]), "1 classes are kept"),
    ],
)
def test_what_does_not_fit_is_said(kind, change, reason, made, tmp_path):
    estimator, written, _ = made[kind]
    path = tmp_path / "odd.marquardt"
    path.write_bytes(remade(written, change))
    with pytest.raises(FileError, match=rf"odd\.marquardt is damaged: its section 'about.fitted' .*{reason}"):
        estimator.from_file(path)


def test_a_description_does_not_grow_with_the_series(tmp_path):
    sizes = []
    for count in (20, 500):
        series = [np.sin(0.3 * np.arange(14) + k) for k in range(count)]
        model = NetworkForecaster(range(1, 13), hidden_layer_sizes=(), n_restarts=1, max_iter=2, alpha=1e-3)
        model.fit(series).save(tmp_path / "many.marquardt", force=True)
        with zipfile.ZipFile(tmp_path / "many.marquardt") as archive:
            sizes.append(archive.getinfo("network.json").file_size)
        again = NetworkForecaster.from_file(tmp_path / "many.marquardt")
        np.testing.assert_array_equal(again.predict(2), model.predict(2))
    assert sizes[1] < sizes[0] + 100
