"""The command line: `marquardt demo`, `train`, `predict`, `inspect`, `compare`, `version`.

What a command takes stands in the modules named after it; they are light, so that help answers at once. What it does
stands in the others, which are imported on use.
"""

from marquardt.cli.app import main

__all__ = ["main"]
