"""`marquardt demo`: what it does."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from marquardt.cli.choices import Choices
from marquardt.cli.options import job_of
from marquardt.cli.scores import classification_scores
from marquardt.cli.training import PreparedTable, conclude, content_of, interrupts_of, introduce, prepare_table, pull
from marquardt.cli.voice import Voice
from marquardt.errors import FileError
from marquardt.files import replacing
from marquardt.storage import NetworkFile, save
from marquardt.training import Fitting, Settings

NAME = "breast_cancer"
TARGET = "diagnosis"
MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
# Mean over the cells of the image, standard error of that mean, mean of the three largest.
COLUMNS = [f"{kind}_{measure}" for kind in ("mean", "error", "worst") for measure in MEASURES]


def run(folder: Path, voice: Voice) -> int:
    """Write the data, train, explain; returns the exit code."""
    data, network = folder / f"{NAME}.csv", folder / f"{NAME}.marquardt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"Cannot make the folder {folder}: {error.strerror or error}. Name another by --folder."
        ) from error
    write_data(data)

    voice.say("Will a tumor of the breast turn out benign or malignant?", style="bold")
    voice.say(
        "The Wisconsin breast cancer data (W. H. Wolberg, W. N. Street and O. L. Mangasarian, 1995): 569 patients, "
        "30 measures of the cell nuclei in a microscope image of each, and the diagnosis. They come with "
        f"scikit-learn and are now in {data}, as an ordinary CSV file."
    )
    voice.say()
    voice.say("This is what the following command does:")
    voice.say(f"    marquardt train {data} --target {TARGET}", style="cyan")
    voice.say()

    job = job_of(Choices(data=data, target=[TARGET], output=network, force=True))
    if voice.is_live:
        # An epoch takes a hundredth of a second, too fast to watch.
        job = replace(job, pause=0.15)
    prepared = prepare_table(job)
    introduce(job, prepared, voice)
    for sentence in _legend(prepared):
        voice.say(sentence)
    voice.say()
    with interrupts_of(voice) as (interrupts, asked):
        is_interrupted = pull(job, prepared, voice, interrupts, asked)
        if is_interrupted and prepared.fitting.record.num_epochs == 0:
            voice.say("Interrupted before the first epoch. No network is saved.", style="yellow")
            return interrupts.code
        content = content_of(job, prepared, prepared.fitting.record.seconds, is_interrupted)
        save(network, content, force=True)
    conclude(job, prepared, content, voice, is_interrupted)
    voice.say()
    for sentence in _verdict(prepared, content):
        voice.say(sentence)
    voice.say()
    voice.say("Next:")
    for command in (
        f"marquardt inspect {network}",
        f"marquardt predict {network} {data} -o {folder / 'predicted.csv'}",
        "marquardt train YOUR.csv --target COLUMN",
        "marquardt train --help",
    ):
        voice.say(f"    {command}", style="cyan")
    return interrupts.code if interrupts.is_asked else 0


def write_data(path: Path) -> None:
    """Write scikit-learn's copy of the data as a plain table, without importing scikit-learn, which takes seconds."""
    with replacing(path, force=True) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, TARGET])
        writer.writerows(_rows())


def _rows() -> Iterator[list[str]]:
    found = importlib.util.find_spec("sklearn")
    places = [] if found is None else list(found.submodule_search_locations or ())
    for place in places:
        source = Path(place) / "datasets" / "data" / "breast_cancer.csv"
        if source.is_file():
            with open(source, encoding="utf-8", newline="") as file:
                reader = csv.reader(file)
                labels = next(reader)[2:]
                for row in reader:
                    yield [*row[:-1], labels[int(row[-1])]]
            return
    raise FileError("The demo's data are not where scikit-learn keeps them. Install it again: pip install scikit-learn")


def _legend(prepared: PreparedTable) -> Iterator[str]:
    parts = prepared.parts
    yield "What you will see, each value with the limit that ends the training behind /:"
    yield "  epoch          one improvement of all weights at once"
    yield f"  cross-entropy  error on the {len(parts.train)} training rows: 0 is perfect, 0.69 is guessing"
    yield f"  validation     the same on {len(parts.validation)} rows that are not learned from"
    yield "  gradient       how steeply the error still falls; 0 at the bottom"
    yield "  mu             the caution of the steps: the smaller, the bolder"
    yield "  checks         epochs in a row in which validation did not improve:"
    yield "                 from there on the training rows are learned by heart"


def _verdict(prepared: PreparedTable, content: NetworkFile) -> Iterator[str]:
    """Compare with the most frequent class and with a linear model, on the rows never looked at."""
    report: Mapping[str, Any] = content.report or {}
    rows, targets = prepared.parts.test, prepared.targets
    frequent = np.bincount(targets[prepared.parts.train]).argmax()
    linear = Fitting(
        prepared.inputs,
        targets,
        Settings(hidden_layer_sizes=(), seed=0),
        "classification",
        n_classes=2,
        parts=prepared.parts,
    )
    for _ in linear:
        pass
    of_linear = classification_scores(linear.network.outputs(prepared.inputs[rows]), targets[rows])
    yield f"How good is that? Of the {len(rows)} test rows, which nothing looked at before, were named rightly:"
    yield f"  {report['test']['accuracy']:6.1%}  by this network"
    yield f"  {of_linear['accuracy']:6.1%}  by a linear model (the same command with --hidden none)"
    label = prepared.coding.classes[int(frequent)]
    yield f"  {float(np.mean(targets[rows] == frequent)):6.1%}  by always saying {label!r}"
    yield "With so few test rows a percent or two is chance: another --seed divides them otherwise."
