from pathlib import Path

import pytest

import marquardt

from .import_order import CORE, FRONT, GROUND, allowed, violations

SOURCE = Path(marquardt.__file__).parent


def test_every_import_goes_to_the_left():
    assert violations(SOURCE) == []


@pytest.fixture
def tree(tmp_path):
    """Build a made-up package from {path: text} and return its directory."""

    def build(files):
        package = tmp_path / "marquardt"
        for name, text in files.items():
            path = package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return package

    return build


@pytest.mark.parametrize(
    "line",
    [
        "from marquardt.training import train",
        "import marquardt.training",
        "import marquardt.training.loop as loop",
        "from marquardt import training",
        "from ..training import train",
        "from .. import training",
        "def late():\n    from marquardt.training import train",
        "if True:\n    import marquardt.training",
    ],
)
def test_import_to_the_right_is_found_in_every_spelling(tree, line):
    package = tree({"networks/graph.py": line})
    (sentence,) = violations(package)
    assert "marquardt/networks/graph.py:" in sentence.replace("\\", "/")
    assert "networks imports training, which stands to its right" in sentence


def test_relative_import_in_the_init_of_a_room_stays_in_the_room(tree):
    package = tree({"networks/__init__.py": "from . import graph\nfrom .graph import Layer", "networks/graph.py": ""})
    assert violations(package) == []


@pytest.mark.parametrize("line", ["import marquardt", "from marquardt import NetworkRegressor"])
def test_import_through_the_front_door_is_found(tree, line):
    (sentence,) = violations(tree({"losses.py": line}))
    assert "name its room" in sentence


def test_front_door_itself_may_name_every_room(tree):
    assert violations(tree({"__init__.py": "from marquardt.cli import main"})) == []


def test_room_without_a_place_is_found(tree):
    (sentence,) = violations(tree({"helpers.py": ""}))
    assert sentence.startswith("helpers has no place in the order of rooms")


def test_imports_of_others_and_to_the_left_are_nothing_to_report(tree):
    line = "import numpy as np\nfrom marquardt import __version__\nfrom marquardt.errors import ShapeError"
    assert violations(tree({"networks/graph.py": line})) == []


@pytest.mark.parametrize("room", CORE)
def test_no_room_of_the_core_may_use_a_front_end(room):
    assert not allowed(room) & set(FRONT)


@pytest.mark.parametrize(
    ("room", "may", "may_not"),
    [
        ("estimators", {"tables", "storage", "training"}, {"cli", "plots"}),
        ("tables", {"errors", "checks"}, {"storage", "estimators", "cli", "plots"}),
        ("storage", {"networks"}, {"tables", "estimators", "cli", "plots"}),
        ("plots", {"training"}, {"tables", "storage", "estimators", "cli"}),
        ("cli", set(FRONT) | set(CORE) | set(GROUND), set()),
        ("errors", {"errors"}, {"checks", "numerics"}),
    ],
)
def test_front_ends_are_siblings_with_few_exceptions(room, may, may_not):
    assert may <= allowed(room)
    assert not may_not & allowed(room)
