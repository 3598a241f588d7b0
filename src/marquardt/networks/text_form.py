"""The text form of a network of single units: a line a neuron, as users of neuron-by-neuron trainers write it.

.. code-block:: text

    // parity of three bits: two units, one after the other
    n 4 mbip 1 2 3
    n 5 mbip 1 2 3 4
    .model mbip fun=bip, gain=0.5, der=0.001
    datafile=parity3.dat

``n``, the neuron's number, its model, and the numbers of its sources; every neuron has a bias. Numbers that no line
defines are the inputs, 1 to n, in the order of the data file's columns. A model is named by a ``.model`` line, with
``fun=bip`` (tanh), ``uni`` (logistic) or ``lin`` (identity) and the gain; ``der``, an amount that the trainer adds to
slopes, is read and has no meaning here, where slopes are exact. The data file has a pattern a line, inputs, then
outputs; as many neurons as it has outputs, the last ones, are the outputs. Without it those that no neuron takes are.

Upper and lower case are the same. A comment begins with ``//``, ``%``, ``#`` or ``;``, or with ``*`` at the start of
a line.

Departures: 1. ``fun`` may be any activation here. 2. ``bias=0`` in a model makes neurons without bias. 3. A line
``outputs=4 5`` names the outputs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import shown, whole_of
from marquardt.errors import ConfigurationError, FileError
from marquardt.files import replacing
from marquardt.networks.activations import activation_named, name_and_gain
from marquardt.networks.graph import LayerGraph
from marquardt.networks.units import Unit, unit_graph, units_of

__all__ = ["TopologyFile", "read_patterns", "read_topology", "write_topology"]

FUNCTIONS = {"bip": "tanh", "uni": "logistic", "lin": "identity"}
MODEL_SETTINGS = ("fun", "gain", "der", "bias")
MOST_INPUTS = 100_000
_COMMENT = re.compile(r"//|%|#|;")


@dataclass(frozen=True, eq=False)
class TopologyFile:
    """What a topology file says."""

    graph: LayerGraph  # The network; its units are named by their numbers
    data: Path | None  # The data file that it names, beside it; None where it names none

    def patterns(self) -> tuple[Array, Array]:
        """Read the data file."""
        if self.data is None:
            raise FileError("The topology file names no data file. Add a line: datafile=patterns.dat")
        return read_patterns(self.data, self.graph.n_inputs, self.graph.n_outputs)


@dataclass(frozen=True)
class _Neuron:
    line: int
    number: int
    model: str
    sources: tuple[int, ...]


def read_topology(path: str | os.PathLike[str]) -> TopologyFile:
    """Read a network from its text form.

    Parameters
    ----------
    path : path-like
        The file. The data file that it names is looked for beside it, and need not be there.

    Returns
    -------
    TopologyFile
        The graph, and where the data are.

    Raises
    ------
    FileError
        If the file cannot be read, or a line means nothing; the message has the number of the line.
    ConfigurationError
        If the neurons are no network: a cycle, or one that nothing uses.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "xor.txt"
    ...     _ = path.write_text("n 3 mbip 1 2\\nn 4 mbip 1 2 3\\n.model mbip fun=bip, gain=0.5")
    ...     graph = read_topology(path).graph
    >>> graph.n_weights, graph.layers[0].activation
    (7, 'tanh(gain=0.5)')
    """
    path = Path(path)
    said = _said(path)
    if not said.neurons:
        raise FileError(f"{path} has no neuron. A line such as 'n 3 mbip 1 2' is one.")
    n_inputs = _count_inputs(path, said.neurons)
    units = [
        Unit(
            str(neuron.number),
            tuple(source - 1 if source <= n_inputs else str(source) for source in neuron.sources),
            *_activation(path, neuron, said.models),
        )
        for neuron in said.neurons.values()
    ]
    outputs = _output_names(path, said, n_inputs, [unit.name for unit in units])
    return TopologyFile(unit_graph(n_inputs, units, outputs), said.data)


class _Said(NamedTuple):
    """What the lines of a file say."""

    neurons: dict[int, _Neuron]
    models: dict[str, tuple[str, bool]]
    outputs: list[int] | None
    data: Path | None


def _said(path: Path) -> _Said:
    said = _Said({}, {}, None, None)
    for line, text in _lines(path):
        word = text.split(None, 1)[0].lower()
        key, equals, value = (part.strip() for part in text.partition("="))
        if word == "n":
            neuron = _neuron(path, line, text)
            if neuron.number in said.neurons:
                before = said.neurons[neuron.number].line
                raise _wrong(path, line, f"neuron {neuron.number} is there already, on line {before}")
            said.neurons[neuron.number] = neuron
        elif word == ".model":
            name, model = _model(path, line, text)
            said.models[name] = model
        elif key.lower() == "datafile" and equals:
            said = said._replace(data=path.parent / value.strip("'\""))
        elif key.lower() == "outputs" and equals:
            said = said._replace(outputs=_numbers(path, line, value.replace(",", " ").split()))
        else:
            raise _wrong(path, line, f"{text!r} means nothing; lines begin with n, .model, datafile= or outputs=")
    return said


def _output_names(path: Path, said: _Said, n_inputs: int, names: list[str]) -> list[str] | None:
    """The units whose values are outputs, as said or a column of the data each; None where nothing is said of them."""
    if said.outputs is not None:
        missing = [number for number in said.outputs if number not in said.neurons]
        if missing:
            raise FileError(f"{path} names output {missing[0]}, and there is no such neuron.")
        return [str(number) for number in said.outputs]
    if said.data is None or not os.path.exists(said.data):
        return None
    n_outputs = len(_table(said.data)[0]) - n_inputs
    if not 1 <= n_outputs <= len(names):
        raise FileError(
            f"{said.data} has {n_inputs + n_outputs} columns, and {path} {n_inputs} inputs and {len(names)} neurons: "
            f"there must be a column more than inputs, and at most one a neuron."
        )
    return names[-n_outputs:]


def write_topology(
    path: str | os.PathLike[str],
    graph: LayerGraph,
    *,
    data: str | None = None,
    force: bool = False,
) -> None:
    """Write a graph in its text form: whole or not at all.

    Parameters
    ----------
    path : path-like
        Where.
    graph : LayerGraph
        Without delays, shared weights, or weights fixed at another value than 0.
    data : str, optional
        The name of a data file, to be written in.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ConfigurationError
        If the graph has what the text form has not.
    FileError
        If a file is in the way and `force` is false, or the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from marquardt.networks import cascade_forward
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "parity.txt"
    ...     write_topology(path, cascade_forward(3, (1,), 1, "tanh(0.5)", "tanh(0.5)"))
    ...     print(path.read_text().strip())
    n 4 mbip 1 2 3
    n 5 mbip 1 2 3 4
    .model mbip fun=bip, gain=0.5
    """
    units, outputs = units_of(graph)
    number = {unit.name: graph.n_inputs + 1 + k for k, unit in enumerate(units)}
    models: dict[tuple[str, bool], str] = {}
    lines = []
    for unit in units:
        model = models.setdefault((unit.activation, unit.bias), _model_name(unit, models))
        sources = [number[s] if isinstance(s, str) else s + 1 for s in unit.sources]
        lines.append(f"n {number[unit.name]} {model} {' '.join(map(str, sources))}")
    for (activation, has_bias), model in models.items():
        name, gain = name_and_gain(activation)
        function = {ours: theirs for theirs, ours in FUNCTIONS.items()}.get(name, name)
        lines.append(f".model {model} fun={function}, gain={gain!r}{'' if has_bias else ', bias=0'}")
    taken = {source for unit in units for source in unit.sources}
    names = [unit.name for unit in units]
    if outputs != [name for name in names if name not in taken] or outputs != names[-len(outputs) :]:
        lines.append(f"outputs={' '.join(str(number[name]) for name in outputs)}")
    if data is not None:
        lines.append(f"datafile={data}")
    with replacing(path, force=force) as temporary:
        Path(temporary).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_patterns(path: str | os.PathLike[str], n_inputs: int, n_outputs: int | None = None) -> tuple[Array, Array]:
    """Read a file of patterns: a line a pattern, inputs first, then outputs."""
    path = Path(path)
    table = np.array(_table(path))
    wanted = "more" if n_outputs is None else f"{n_outputs} more"
    if table.shape[1] <= n_inputs or (n_outputs is not None and table.shape[1] != n_inputs + n_outputs):
        raise FileError(f"{path} has {table.shape[1]} columns. There must be {n_inputs} for the inputs, and {wanted}.")
    return table[:, :n_inputs].copy(), table[:, n_inputs:].copy()


def _wrong(path: Path, line: int, what: str) -> FileError:
    return FileError(f"{path}, line {line}: {what}.")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path} is no text file.") from None
    except (OSError, ValueError) as error:
        raise FileError(f"Cannot read {path}: {getattr(error, 'strerror', None) or error}.") from None
    for number, line in enumerate(text.splitlines(), start=1):
        told = _COMMENT.split(line, maxsplit=1)[0].strip()
        if told and not told.startswith("*"):
            yield number, told


def _numbers(path: Path, line: int, words: list[str]) -> list[int]:
    for word in words:
        if not word.isascii() or not whole_of(word):
            raise _wrong(
                path, line, f"a number of a neuron or input must be a whole number from 1 up, got {shown(word)}"
            )
    if not words:
        raise _wrong(path, line, "numbers are missing")
    return [int(word) for word in words]


def _neuron(path: Path, line: int, text: str) -> _Neuron:
    words = text.replace(",", " ").split()
    if len(words) < 4:
        raise _wrong(path, line, f"a neuron is 'n', its number, its model and its sources, got {text!r}")
    number = _numbers(path, line, words[1:2])[0]
    sources = _numbers(path, line, words[3:])
    for source in sources:
        if sources.count(source) > 1:
            raise _wrong(path, line, f"neuron {number} takes {source} twice")
    if number in sources:
        raise _wrong(path, line, f"neuron {number} takes itself")
    return _Neuron(line, number, words[2].lower(), tuple(sources))


def _model(path: Path, line: int, text: str) -> tuple[str, tuple[str, bool]]:
    """The name of a model, its activation, and whether there is a bias."""
    words = re.sub(r"\s*=\s*", "=", text.replace(",", " ")).split()
    if len(words) < 2 or "=" in words[1]:
        raise _wrong(path, line, f"a model is '.model', its name and its settings, got {text!r}")
    settings: dict[str, str] = {}
    for word in words[2:]:
        key, equals, value = word.partition("=")
        if key.lower() not in MODEL_SETTINGS or not equals:
            raise _wrong(path, line, f"a model has the settings {', '.join(MODEL_SETTINGS)}, got {word!r}")
        settings[key.lower()] = value
    if "fun" not in settings:
        raise _wrong(path, line, f"model {words[1]} has no fun, one of {', '.join(FUNCTIONS)}")
    for key in ("gain", "der"):
        try:
            float(settings.get(key, "1"))
        except ValueError:
            raise _wrong(path, line, f"{key} must be a number, got {settings[key]!r}") from None
    if settings.get("bias", "1") not in ("0", "1"):
        raise _wrong(path, line, f"bias must be 0 or 1, got {settings['bias']!r}")
    function = settings["fun"].lower()
    name = FUNCTIONS.get(function, function)
    try:
        activation = activation_named(f"{name}(gain={float(settings.get('gain', '1'))!r})").name
    except ConfigurationError as error:
        raise _wrong(path, line, f"{str(error).rstrip('.')}; fun may also be {', '.join(FUNCTIONS)}") from None
    return words[1].lower(), (activation, settings.get("bias", "1") == "1")


def _activation(path: Path, neuron: _Neuron, models: Mapping[str, tuple[str, bool]]) -> tuple[str, bool]:
    known = models.get(neuron.model)
    if known is None:
        others = f"; there are {', '.join(models)}" if models else ""
        raise _wrong(
            path,
            neuron.line,
            f"there is no model {neuron.model!r}{others}. Add a line: .model {neuron.model} fun=bip, gain=0.5",
        )
    return known


def _count_inputs(path: Path, neurons: Mapping[int, _Neuron]) -> int:
    """Numbers that no line defines are inputs, and have to be those from 1 up."""
    free = {source: neuron for neuron in neurons.values() for source in neuron.sources if source not in neurons}
    if not free:
        raise FileError(f"{path} has no input: every number is a neuron.")
    n_inputs = min(neurons) - 1
    for source in sorted(free):
        if source > n_inputs:
            raise _wrong(
                path,
                free[source].line,
                f"neuron {free[source].number} takes {source}, which is no neuron; inputs come before all neurons, "
                f"from 1 to {n_inputs} here",
            )
    if n_inputs > MOST_INPUTS:
        raise FileError(f"{path} has {n_inputs} inputs, going by its numbers; {MOST_INPUTS} are the most.")
    return n_inputs


def _model_name(unit: Unit, models: Mapping[tuple[str, bool], str]) -> str:
    """mbip, muni, mlin or m and the activation's name, with a number where there are several."""
    name = name_and_gain(unit.activation)[0]
    stem = "m" + {ours: theirs for theirs, ours in FUNCTIONS.items()}.get(name, name).lower()
    number, made = 1, stem
    while made in models.values():
        number += 1
        made = f"{stem}{number}"
    return made


def _table(path: Path) -> list[list[float]]:
    rows: list[list[float]] = []
    for line, text in _lines(path):
        try:
            row = [float(word) for word in text.replace(",", " ").split()]
        except ValueError as error:
            raise _wrong(path, line, f"{str(error).rstrip('.')}") from None
        if not np.isfinite(row).all():
            raise _wrong(path, line, "a number is not finite")
        if rows and len(row) != len(rows[0]):
            raise _wrong(path, line, f"there are {len(row)} numbers, and {len(rows[0])} before")
        rows.append(row)
    if not rows:
        raise FileError(f"{path} has no pattern.")
    return rows
