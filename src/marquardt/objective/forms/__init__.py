"""The forms of the normal equations, one class each: what it computes, what it costs, what it keeps."""

from __future__ import annotations

from typing import Any

from marquardt.objective.forms.compiled import COMPILED
from marquardt.objective.forms.explicit import Explicit
from marquardt.objective.forms.form import Form, SampleForm
from marquardt.objective.forms.gradient import Gradient
from marquardt.objective.forms.matrix_free import MatrixFree
from marquardt.objective.forms.neuron_by_neuron import ByNeuron
from marquardt.objective.forms.pairs import Pairs
from marquardt.objective.forms.sample_space import SampleSpace
from marquardt.objective.plan import Plan

__all__ = [
    "FORMS",
    "GRADIENT",
    "PAIRS",
    "SYSTEM_FORMS",
    "Form",
    "SampleForm",
    "form_named",
    "sample_form_of",
    "sample_forms",
]

PAIRS = Pairs()
sample_forms: dict[str, SampleForm] = {
    form.name: form for form in (Explicit(), PAIRS, ByNeuron(), SampleSpace(), MatrixFree())
}
"""The forms over blocks of samples, by their names, as they can be asked for."""

GRADIENT = Gradient()

FORMS = ("auto", *sample_forms)
SYSTEM_FORMS = tuple(name for name, form in sample_forms.items() if not form.has_matrix)
"""The forms that solve the normal equations without their matrix."""


def form_named(name: str) -> Form[Any]:
    """Return the form that a plan is of; the compiled one, which is called explicit in plans, by ``"compiled"``."""
    return sample_forms.get(name) or {"gradient": GRADIENT, "compiled": COMPILED}[name]


def sample_form_of(plan: Plan) -> SampleForm:
    """Return the form that makes the normal matrix: pairs where the plan's has none."""
    form = sample_forms.get(plan.form)
    return form if form is not None and form.has_matrix else PAIRS
