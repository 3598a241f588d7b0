from pathlib import Path

import pytest

import marquardt
from marquardt.objective.forms import sample_forms, time_forms

from .measures import Lines, circles, compared, count, largest_classes, largest_files, largest_functions

SOURCE = Path(marquardt.__file__).parent


@pytest.fixture
def package(tmp_path):
    """Build a made-up package from {path: text} and return its directory."""

    def build(files):
        for name, text in files.items():
            path = tmp_path / "house" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "house"

    return build


def test_no_files_import_each_other_in_a_circle():
    assert circles(SOURCE) == []


def test_circle_is_found_also_through_imports_in_functions_and_relative_ones(package):
    made = package(
        {
            "__init__.py": "",
            "a.py": "from house.b import f",
            "b.py": "def f():\n    from . import c",
            "c.py": "import house.a",
            "d.py": "from house import a",
        }
    )
    assert circles(made) == [("house.a", "house.b", "house.c")]


def test_imports_for_the_type_checker_make_no_circle(package):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.b import B"
    assert circles(package({"__init__.py": "", "a.py": text, "b.py": "from house.a import f"})) == []


def test_lines_are_counted_by_what_is_on_them(package):
    text = (
        '"""What it is."""\n\nimport os\n\n\ndef f(\n    a: int,\n) -> int:\n    """Say."""\n    # why\n    return a\n'
    )
    assert count(package({"a.py": text})) == Lines(total=11, statements=1, signatures=3, docstrings=2)


def test_a_form_of_the_normal_equations_is_asked_and_not_known_by_its_name():
    names = {*sample_forms, *time_forms, "gradient", "compiled"}
    assert compared(SOURCE / "objective", names) == []


def test_comparisons_with_words_are_found(package):
    text = 'def f(form):\n    if form == "pairs" or form in ("explicit", "auto"):\n        f()\n    return form\n'
    assert compared(package({"a.py": text}), {"pairs", "explicit"}) == ["house.a:2", "house.a:2"]


def test_sizes_are_those_of_the_definitions(package):
    text = 'class A:\n    """Say."""\n\n    def f(self):\n        """Say.\n\n        More."""\n        return 1\n'
    made = package({"a.py": text})
    assert largest_classes(made)[0] == ("house.a.A", 8)
    assert largest_functions(made)[0] == ("house.a.f", 2)
    assert largest_files(made)[0] == ("house.a", 8)
