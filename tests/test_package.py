"""The names of the package, the two places that list them, and that they are there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import marquardt

HERE = Path(marquardt.__file__).parent


def stubbed():
    """Name ↦ room, as type checkers read them."""
    tree = ast.parse((HERE / "__init__.pyi").read_text(encoding="utf-8"))
    names = {}
    for node in tree.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname == alias.name  # re-exported, by the rules of stubs
            names[alias.name] = node.module.removeprefix("marquardt.")
    return names


def test_stub_and_package_agree():
    names = stubbed()
    assert names.pop("__version__") == "_version"
    assert names == marquardt._HOME_OF
    assert sorted(marquardt.__all__) == sorted([*names, "__version__"])


@pytest.mark.parametrize("name", sorted(marquardt._HOME_OF))
def test_name_resolves_to_what_its_room_lists(name):
    room = __import__(f"marquardt.{marquardt._HOME_OF[name]}", fromlist=["__all__"])
    if room.__name__ != "marquardt.errors":
        assert name in room.__all__
    assert getattr(marquardt, name) is getattr(room, name)
    assert name in dir(marquardt)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'marquardt' has no attribute 'trian'"):
        _ = marquardt.trian


def test_star_import_brings_all(tmp_path):
    code = "from marquardt import *; import marquardt; assert all(name in globals() for name in marquardt.__all__)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
