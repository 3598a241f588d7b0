"""`marquardt explain`: what a training would do, without doing it."""

import pytest

from marquardt.numerics import native_kernel


def test_it_says_which_algorithm_why_and_what_it_takes(call, concrete_csv, tmp_path):
    before = sorted(tmp_path.iterdir())
    answer = call("explain", concrete_csv, "--target", "strength", "--ignore", "site")
    assert answer.code == 0
    assert "Algorithm levenberg_marquardt: " in answer.out
    assert "weights are few" in answer.out
    assert "An epoch needs the normal equations" in answer.out
    assert "in about" in answer.out
    assert "floating-point operations, about" in answer.out
    assert "(an estimate, likewise)" in answer.out
    assert "Memory, beside the table:" in answer.out
    assert "bfgs" in answer.out
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "algorithm", "form"),
    [
        ((), "levenberg_marquardt", "explicit"),
        (("--hidden", "300"), "levenberg_marquardt", "samples"),
        (("--hidden", "150,150"), "levenberg_marquardt", "samples"),
        (("--hidden", "300", "--algorithm", "lbfgs"), "lbfgs", "gradient"),
        (("--algorithm", "nbn"), "neuron_by_neuron", "neuron_by_neuron"),
        (("--algorithm", "trainbr"), "bayesian_regularization", "explicit"),
    ],
)
def test_programs_get_algorithm_and_plan(call, concrete_csv, options, algorithm, form):
    made = call("explain", concrete_csv, "--target", "strength", "--ignore", "site", "--json", *options).json
    assert made["algorithm"] == algorithm
    assert made["plan"]["form"] == form
    assert made["memory"] >= made["plan"]["memory"] > 0
    assert made["reason"]
    assert made["weights"] > made["plan"]["blocks"] > 0
    assert made["plan"]["flops_an_epoch"] > 0
    assert 0 < made["plan"]["seconds_a_pass"] <= made["plan"]["seconds_an_epoch"]


def test_all_forms_are_listed_with_what_they_take(call, concrete_csv):
    options = ("explain", concrete_csv, "--target", "strength", "--ignore", "site", "--algorithm", "lm")
    text = call(*options).out
    assert ("all of it in the compiled kernel" in text) == (native_kernel() is not None)
    for form in ("pairs", "explicit", "samples", "matrix_free"):
        assert f"\n{form}" in text
    assert text.count("taken  ") + text.count("taken\n") == 1
    made = call(*options, "--json").json["plan"]
    assert made["compiled"] == (native_kernel() is not None)
    assert {other["form"] for other in made["others"]} == {"pairs", "samples", "matrix_free"}


def test_the_exact_hessian_is_not_said_to_be_a_jacobian(call, concrete_csv):
    options = ("explain", concrete_csv, "--target", "strength", "--ignore", "site")
    text = call(*options, "--algorithm", "newton").out
    assert "An epoch needs the Hessian: by second derivatives along the units and products of pairs" in text
    assert "Jacobian" not in text


def test_restarts_side_by_side_are_explained_too(call, concrete_csv):
    options = ("explain", concrete_csv, "--target", "strength", "--ignore", "site", "--hidden", "2")
    one, many = (call(*options, "--restarts", number, "--json").json for number in ("1", "40"))
    assert many["plan"]["form"] == "explicit"
    assert many["memory"] > one["memory"]
    assert call(*options, "--restarts", "40").code == 0


def test_a_budget_is_kept_and_told(call, refused, concrete_csv):
    options = ("explain", concrete_csv, "--target", "strength", "--ignore", "site", "--hidden", "150")
    usual = call(*options, "--algorithm", "lm", "--json").json["plan"]
    small = call(*options, "--algorithm", "lm", "--memory", "480kB", "--json").json["plan"]
    assert small["memory"] <= 480_000 < usual["memory"]
    assert small["form"] == "matrix_free"
    text = call(*options, "--algorithm", "lm", "--memory", "480kB").out
    assert "within the budget of 480kB; " in text
    assert "of it are to validate and test" in text
    assert "no room" in text
    assert call(*options, "--memory", "480kB", "--json").json["algorithm"] == "lbfgs"
    assert "the budget is 468.8 KiB (480kB)" in refused(*options, "--algorithm", "trainbr", "--memory", "480kB")


def test_sample_space_is_said_in_words(call, concrete_csv):
    answer = call("explain", concrete_csv, "--target", "strength", "--ignore", "site", "--hidden", "700")
    assert "residuals are few: in sample space" in answer.out
    assert "by a matrix of residuals" in answer.out


def test_it_is_what_train_then_does(call, concrete_csv):
    options = (concrete_csv, "--target", "strength", "--ignore", "site", "--hidden", "5")
    planned = call("explain", *options, "--json").json
    done = call("train", *options, "--epochs", "3", "--json").json
    assert done["algorithm"] == planned["algorithm"]
    assert done["weights"] == planned["weights"]


def test_mistakes_are_those_of_train(refused, concrete_csv):
    assert "Which column is to be predicted" in refused("explain", concrete_csv)
    message = refused("explain", concrete_csv, "--target", "strength", "--algorithm", "trianlm")
    assert message.startswith("--algorithm trianlm: There is no algorithm 'trianlm'. Did you mean 'trainlm'?")
    assert "No such option" in refused("explain", concrete_csv, "--epochs", "3")


def test_settings_go_with_the_name(call, refused, concrete_csv):
    base = ("train", concrete_csv, "--target", "strength", "--ignore", "site", "--epochs", "3")
    answer = call(*base, "--algorithm", "gradient_descent(rate=0.001)", "--json")
    assert answer.json["algorithm"] == "gradient_descent"
    assert "rate must be" in refused(*base, "--force", "--algorithm", "gradient_descent(rate=-1)")
    assert "--algorithm bfgs: --mu is for Levenberg–Marquardt's damping" in refused(
        *base, "--force", "--algorithm", "bfgs", "--mu", "0.1"
    )


def test_bayesian_regularization_trains_on_the_rows_that_others_validate_with(call, refused, concrete_csv):
    base = ("train", concrete_csv, "--target", "strength", "--ignore", "site", "--algorithm", "trainbr")
    made = call(*base, "--json").json
    assert made["rows"]["validation"] == 0
    assert made["algorithm"] == "bayesian_regularization"
    assert "let it only look on with --max-fail 0" in refused(*base, "--force", "--validation", "0.2")
    assert "chooses the weight decay itself" in refused(*base, "--force", "--alpha", "0.1")


def test_a_training_that_diverged_is_told_of_even_quietly(call, concrete_csv):
    answer = call(
        "train", concrete_csv, "--target", "strength", "--ignore", "site", "--algorithm", "gauss_newton", "--quiet"
    )
    assert answer.code == 0
    assert answer.out == ""
    assert answer.err.startswith("Warning: ")


def test_a_matrix_now_and_then_is_told_from_the_passes(call, concrete_csv):
    options = ("explain", concrete_csv, "--target", "strength", "--ignore", "site", "--algorithm", "lm_bfgs")
    text = call(*options).out
    assert "An epoch needs the gradient, and for some steps the normal equations" in text
    has_kernel = native_kernel() is not None
    assert ("\nA matrix of all rows goes over 1 block of" in text) == has_kernel
    assert ("\nA pass goes over 1 block of" in text) != has_kernel
