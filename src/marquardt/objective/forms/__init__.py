"""The forms of the normal equations, one class each: what it computes, what it costs, what it keeps."""

from __future__ import annotations

from typing import Any

from marquardt.objective.forms.backward import Backward
from marquardt.objective.forms.compiled import COMPILED
from marquardt.objective.forms.explicit import Explicit
from marquardt.objective.forms.form import Form, SampleForm
from marquardt.objective.forms.forward import Forward
from marquardt.objective.forms.gradient import Gradient
from marquardt.objective.forms.matrix_free import MatrixFree
from marquardt.objective.forms.neuron_by_neuron import ByNeuron
from marquardt.objective.forms.pairs import Pairs
from marquardt.objective.forms.sample_space import SampleSpace
from marquardt.objective.forms.time_form import TimeForm
from marquardt.objective.plan import Plan

__all__ = [
    "FORMS",
    "GRADIENT",
    "MATRIX_FREE_FORMS",
    "PAIRS",
    "TIME_FORMS",
    "Form",
    "SampleForm",
    "form_named",
    "sample_form_of",
    "sample_forms",
    "time_forms",
]

PAIRS = Pairs()
sample_forms: dict[str, SampleForm] = {
    form.name: form for form in (Explicit(), PAIRS, ByNeuron(), SampleSpace(), MatrixFree())
}
"""The forms over blocks of samples, by their names, as they can be asked for."""

time_forms: dict[str, TimeForm] = {form.name: form for form in (Forward(), Backward())}
"""The forms of the Jacobian through time."""

GRADIENT = Gradient()
_others = {"gradient": GRADIENT, "compiled": COMPILED}

FORMS = ("auto", *sample_forms)
MATRIX_FREE_FORMS = tuple(name for name, form in sample_forms.items() if not form.has_matrix)
"""The forms that solve the normal equations without their matrix."""
TIME_FORMS = tuple(time_forms)
"""The forms of the Jacobian through time: forward sensitivities (RTRL), and backward (BPTT)."""


def form_named(name: str) -> Form[Any]:
    """Return the form that a plan is of; the compiled one, which is called explicit in plans, by ``"compiled"``."""
    return sample_forms.get(name) or time_forms.get(name) or _others[name]


def sample_form_of(plan: Plan) -> SampleForm:
    """Return the form that makes the normal matrix: pairs where the plan's has none."""
    form = sample_forms.get(plan.form)
    return form if form is not None and form.has_matrix else PAIRS
