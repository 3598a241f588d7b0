"""Settings of the algorithm are parameters of the estimators."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from marquardt.algorithms import ALGORITHMS, algorithm_named
from marquardt.estimators import NetworkClassifier, NetworkForecaster, NetworkRegressor

ESTIMATORS = [NetworkRegressor, NetworkClassifier, NetworkForecaster]


@pytest.fixture
def curve():
    x = np.linspace(0, 1, 40)[:, None]
    return x, np.sin(6 * x.ravel())


def test_a_search_goes_through_the_settings_of_the_algorithm(curve):
    model = NetworkRegressor(4, algorithm="lm", alpha=0.0, n_restarts=1, max_iter=5, random_state=0)
    grid = {"algorithm__mu_init": np.array([1e-3, 1e5]), "algorithm__damping": ["factors", "nielsen"]}
    search = GridSearchCV(model, grid, cv=2).fit(*curve)
    assert search.best_params_["algorithm__mu_init"] == 1e-3
    of_plain = clone(model).set_params(algorithm=f"lm(damping={search.best_params_['algorithm__damping']!r})")
    np.testing.assert_array_equal(search.predict(curve[0]), of_plain.fit(*curve).predict(curve[0]))


def test_a_search_goes_through_algorithms_and_their_settings_at_once(curve):
    pipe = make_pipeline(StandardScaler(), NetworkRegressor(3, max_iter=3, n_restarts=1, random_state=0))
    name = "networkregressor__algorithm"
    grid = [{name: ["lm"], f"{name}__mu_init": [0.1]}, {name: ["rprop"]}]
    search = GridSearchCV(pipe, grid, cv=2).fit(*curve)
    assert len(search.cv_results_["params"]) == 2


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_settings_are_written_into_the_name(estimator):
    model = estimator(algorithm="lm(geodesic=0.5)").set_params(algorithm__mu_init=np.float64(0.25))
    assert model.algorithm == "lm(geodesic=0.5, mu_init=0.25)"
    assert model.get_params()["algorithm__mu_init"] == 0.25
    assert clone(model).algorithm == model.algorithm
    assert model.set_params(algorithm="bfgs", algorithm__line_search="brent").algorithm == "bfgs(line_search='brent')"


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_every_algorithm_has_its_settings_and_takes_them_back(name):
    model = NetworkRegressor(algorithm=name)
    deep = model.get_params()
    kind = type(algorithm_named(name))
    assert {each.removeprefix("algorithm__") for each in deep if each.startswith("algorithm__")} == set(
        kind.setting_names()
    )
    assert model.set_params(**deep).algorithm == name


@pytest.mark.parametrize("algorithm", ["auto", None, "levenberg", "lm(mu_init=", 3])
def test_parameters_of_what_names_no_algorithm_are_the_plain_ones(algorithm):
    model = NetworkRegressor(algorithm=algorithm)
    assert model.get_params() == model.get_params(deep=False)


@pytest.mark.parametrize(
    ("algorithm", "setting", "message"),
    [
        ("auto", "mu_init", r"such as algorithm='lm', and the algorithm is 'auto'\. Name one"),
        (None, "mu_init", "the algorithm is None"),
        ("bfgs", "mu_init", "bfgs has no setting 'mu_init'. It takes line_search"),
    ],
)
def test_a_setting_that_the_algorithm_has_not_is_refused(algorithm, setting, message):
    model = NetworkRegressor(algorithm=algorithm)
    with pytest.raises(ValueError, match=message):
        model.set_params(**{f"algorithm__{setting}": 0.1})
    assert model.algorithm == algorithm
