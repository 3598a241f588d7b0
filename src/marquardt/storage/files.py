"""Save and load: content to archive and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from marquardt._version import __version__
from marquardt.arrays import AnyArray
from marquardt.errors import FileError
from marquardt.files import replacing
from marquardt.networks import ACTIVATIONS, LayerGraph, Network, Scaling
from marquardt.storage.archive import KIND, read_archive, section, write_archive
from marquardt.storage.content import NetworkFile, marked, restored
from marquardt.training import Parts, Record

__all__ = ["FORMAT", "load", "save"]

FORMAT = 4
"""The newest format, of forecasters, whose last rows are arrays. Raise it when an older marquardt could not read, or
would misread, the file."""

WORDS_FORMAT = 3
"""The format of networks with words as inputs, or with early outputs."""

GRAPH_FORMAT = 2
"""The format of networks with delays, fixed or shared weights, or gains; without words as inputs or early outputs."""

STATIC_FORMAT = 1
"""The format of networks without delays, fixed or shared weights, or gains, which every marquardt reads."""

SCALINGS = ("input_scaling", "target_scaling")
PARTS = ("train", "validation", "test")
FURTHER = "more_"
"""What the names of further arrays begin with."""


def save(path: str | os.PathLike[str], content: NetworkFile, force: bool = False) -> None:
    """Write a network file: whole or not at all, and equal bytes for equal content.

    Parameters
    ----------
    path : path-like
        Where; the usual suffix is ``.marquardt``.
    content : NetworkFile
        What.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If a file is in the way and `force` is false, or the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from marquardt.networks import Network, feed_forward
    >>> network = Network(feed_forward(1, (), 1), [2.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "line.marquardt"
    ...     save(path, NetworkFile(network, "regression"))
    ...     load(path).network.outputs([[3.0]])
    array([[7.]])
    """
    with replacing(path, force=force) as temporary:
        write(temporary, content)


def write(path: Path, content: NetworkFile) -> None:
    """Write a network file over one that is there, such as a temporary one."""
    network = content.network
    arrays: dict[str, AnyArray] = {"weights": network.weights}
    description: dict[str, Any] = {
        "kind": KIND,
        "format": _format_of(content),
        "written_by": f"marquardt {__version__}",
        "task": content.task,
        "graph": network.graph.to_dict(),
    }
    for name in SCALINGS:
        scaling: Scaling = getattr(network, name)
        description[name] = scaling.kind
        arrays[f"{name}_offset"], arrays[f"{name}_factor"] = scaling.offset, scaling.factor
    description["classes"] = None if content.classes is None else marked(list(content.classes))
    for name in ("coding", "report", "about"):
        description[name] = marked(getattr(content, name))
    description["record"] = None
    if content.record is not None:
        record = content.record.to_dict()
        parts = content.record.parts
        if isinstance(parts, Parts):
            del record["parts"]  # kept as arrays
            for name in PARTS:
                arrays[f"{name}_rows"] = np.asarray(getattr(parts, name), dtype=np.int64)
        record["epochs"] = list(content.record.columns)
        description["record"] = marked(record)
        arrays["epochs"] = np.column_stack([content.record.column(name) for name in record["epochs"]])
    arrays |= {FURTHER + name: array for name, array in content.arrays.items()}
    write_archive(path, description, arrays)


def _format_of(content: NetworkFile) -> int:
    """The oldest format that says all of the content."""
    graph, inputs = content.network.graph, (content.coding or {}).get("inputs")
    if content.arrays:
        return FORMAT
    if graph.steps_ahead:
        return WORDS_FORMAT
    if isinstance(inputs, list) and any(isinstance(column, dict) and column.get("shares") for column in inputs):
        return WORDS_FORMAT
    has_gain = any("(" in layer.activation for layer in graph.layers)
    return GRAPH_FORMAT if graph.is_dynamic or graph.weight_map is not None or has_gain else STATIC_FORMAT


def load(path: str | os.PathLike[str]) -> NetworkFile:
    """Read a network file. Nothing in it is executed, and nothing is believed that does not fit together.

    Parameters
    ----------
    path : path-like
        What `save` wrote.

    Returns
    -------
    NetworkFile
        Equal to what was saved, to the bit; `coding` is a dict.

    Raises
    ------
    FileError
        If the file is missing, a folder, truncated, altered, of another kind, written by a newer marquardt, or
        uses an activation that is not registered.

    Examples
    --------
    >>> load("no_such.marquardt")
    Traceback (most recent call last):
    marquardt.errors.FileError: There is no file no_such.marquardt.
    """
    path = Path(path)
    description, arrays = read_archive(path, FORMAT)
    known: dict[str, Any] = {}
    for name in ("classes", "coding", "report", "about"):
        with section(path, name):
            known[name] = restored(description[name])
    with section(path, "graph"):
        _refuse_unknown_activations(path, description["graph"])
        graph = LayerGraph.from_dict(description["graph"])
    with section(path, "weights"):
        scalings = [Scaling(arrays[f"{name}_offset"], arrays[f"{name}_factor"], description[name]) for name in SCALINGS]
        network = Network(graph, arrays["weights"], *scalings)
    with section(path, "record"):
        record = None if description["record"] is None else _record(restored(description["record"]), arrays)
    with section(path, "network.json"):
        known["arrays"] = {
            name.removeprefix(FURTHER): array for name, array in arrays.items() if name.startswith(FURTHER)
        }
        return NetworkFile(network, description["task"], record=record, **known)


def _record(description: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Record:
    columns = arrays["epochs"].T
    return Record.from_dict(
        {
            **description,
            # Of a division by hash the description has the counts.
            "parts": description.get("parts") or {name: arrays[f"{name}_rows"] for name in PARTS},
            "epochs": {name: column.tolist() for name, column in zip(description["epochs"], columns, strict=True)},
        }
    )


def _refuse_unknown_activations(path: Path, graph: Mapping[str, Any]) -> None:
    """Name the activation that is missing: it was registered where the network was trained."""
    for layer in graph["layers"]:
        name = layer["activation"]
        name = name.partition("(")[0] if isinstance(name, str) else name
        if isinstance(name, str) and name not in ACTIVATIONS:
            shown = repr(name) if len(name) < 50 else "of an overlong name"
            raise FileError(
                f"{path} uses the activation {shown}, which is not registered here. Functions are not kept in files: "
                f"register it before loading, with marquardt.register_activation(Activation({shown}, value, slope))."
            )
