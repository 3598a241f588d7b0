import ast
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import pytest

import marquardt
from marquardt import plots
from marquardt.algorithms import ALGORITHMS
from marquardt.losses import LOSSES
from marquardt.numerics.line_searches import LINE_SEARCHES

from .docstrings import complaints, in_the_reference, listed, public_things, sections

SOURCE = Path(marquardt.__file__).parent
PUBLIC = public_things(marquardt)
REFERENCE = in_the_reference(marquardt)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("room", sorted(path.parent for path in SOURCE.glob("*/__init__.py")), ids=lambda p: p.name)
def test_every_room_lists_its_public_names(room):
    assert "__all__" in (room / "__init__.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring_agrees_with_signature(name):
    assert complaints(PUBLIC[name], brief=True) == []


@pytest.mark.parametrize("name", REFERENCE)
def test_docstring_in_the_reference_describes_every_parameter(name):
    assert complaints(REFERENCE[name]) == []


@pytest.mark.parametrize(
    "things",
    [
        [getattr(marquardt, name) for name in marquardt.__all__ if name != "__version__"],
        [getattr(plots, name) for name in plots.__all__],
        list(ALGORITHMS.values()),
        list(LOSSES.values()),
        list(LINE_SEARCHES.values()),
    ],
    ids=["marquardt", "plots", "algorithms", "losses", "line searches"],
)
def test_reference_lists_what_users_import_and_name(things):
    listed_there = list(REFERENCE.values())
    assert [thing for thing in things if thing not in listed_there] == []


def with_docstring(text):
    def damp(normal, *, mu=0.001): ...

    damp.__doc__ = text
    return damp


AGREES = """Add mu to the diagonal.

    Parameters
    ----------
    normal : ndarray of shape (n_weights, n_weights)
        The matrix: not changed.
    mu : float
        Damping.

    Returns
    -------
    damped : ndarray
    """


def test_docstring_that_agrees_has_no_complaint():
    assert complaints(with_docstring(AGREES)) == []


def test_names_may_share_a_line():
    text = "Sum.\n\nParameters\n----------\nnormal, mu : ndarray\n    Both.\n"
    assert complaints(with_docstring(text)) == []


def test_parameter_that_is_not_described_is_found():
    text = AGREES.replace("    mu : float\n        Damping.\n", "")
    assert complaints(with_docstring(text)) == ["takes 'mu', which it does not describe"]


def test_parameter_that_does_not_exist_is_found():
    assert complaints(with_docstring(AGREES.replace("mu : float", "lam : float"))) == [
        "describes 'lam', which it does not take",
        "takes 'mu', which it does not describe",
    ]


@pytest.mark.parametrize("text", [None, "", "   "])
def test_missing_docstring_is_found(text):
    assert complaints(with_docstring(text)) == ["has no docstring"]


def test_docstring_that_a_dataclass_writes_itself_does_not_count():
    @dataclass(frozen=True)
    class Limits:
        goal: float = 0.0

    assert complaints(Limits) == ["has no docstring"]


def test_docstring_of_a_parent_does_not_count():
    class Parent:
        """A parent."""

    class Child(Parent):
        pass

    assert complaints(Parent) == []
    assert complaints(Child) == ["has no docstring"]


def test_attributes_of_a_dataclass_count_as_parameters():
    @dataclass(frozen=True)
    class Limits:
        """What ends a run.

        Attributes
        ----------
        goal : float
            Performance to reach.
        reached : bool
            Not a field.
        """

        goal: float = 0.0

    assert complaints(Limits) == []


def test_method_without_a_docstring_and_with_a_wrong_one_are_found():
    class Scaling:
        """Per column."""

        def apply(self, columns): ...

        def invert(self, columns):
            """Undo.

            Parameters
            ----------
            values : ndarray
                Not its name.
            """

        @property
        def width(self): ...

        @classmethod
        def fit(cls, columns):
            """Measure the columns."""

    assert complaints(Scaling) == [
        "has apply, without a docstring",
        ".invert: describes 'values', which it does not take",
        ".invert: takes 'columns', which it does not describe",
        "has width, without a docstring",
    ]


def test_errors_and_enumerations_need_no_list():
    class Refusal(ValueError):
        """It cannot be used."""

    class Derivatives(IntEnum):
        """How much is asked for."""

        VALUE = 0

    assert complaints(Refusal) == []
    assert complaints(Derivatives) == []


def test_brief_helpers_may_leave_the_list_out_but_not_get_it_wrong():
    assert complaints(with_docstring("Return `normal` damped."), brief=True) == []
    assert complaints(with_docstring(AGREES.replace("mu :", "lam :")), brief=True) != []


def test_sections_are_split_at_underlined_headings():
    found = sections(AGREES)
    assert list(found) == ["", "Parameters", "Returns"]
    assert listed(AGREES, "Parameters") == ["normal", "mu"]
    assert listed(AGREES, "Raises") == []
