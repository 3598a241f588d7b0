"""Configuration of the documentation: `python -m sphinx -W --keep-going -b html docs docs/_build/html`."""

from __future__ import annotations

import re
from typing import Any

from marquardt import __version__

project = "marquardt"
author = "The marquardt developers"
copyright = "the marquardt developers"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Types and shapes stand in the docstrings, in words.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# Types in words ("ndarray of shape (n_weights,)") are not references.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"marquardt {release}"


def keep_bars(_app: Any, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Escape the bars of |r| and ‖p‖ in docstrings: reStructuredText would take them for substitutions."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            text_and_code = re.split(r"(``.*?``)", line)
            lines[i] = "".join(
                part if part.startswith("``") else re.sub(r"(?<!\\)\|", r"\|", part) for part in text_and_code
            )


def setup(app: Any) -> None:
    """Connect what is done to docstrings before they are parsed."""
    app.connect("autodoc-process-docstring", keep_bars, priority=400)
