"""`marquardt demo`: what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from marquardt.arrays import Array
from marquardt.checks import one_of
from marquardt.cli.job import job_of
from marquardt.cli.running import interrupts_of, pull
from marquardt.cli.scores import classification_scores
from marquardt.cli.shipped import write
from marquardt.cli.taking import Given
from marquardt.cli.training import PreparedTable, conclude, content_of, introduce, prepare_table
from marquardt.errors import FileError
from marquardt.problems import table_named
from marquardt.storage import NetworkFile, save
from marquardt.training import Fitting, Settings, gradient_name

DEMOS = {
    "classification": (
        "breast_cancer",
        "Will a tumor of the breast turn out benign or malignant?",
        "The Wisconsin breast cancer data (W. H. Wolberg, W. N. Street and O. L. Mangasarian, 1995): 569 patients, "
        "30 measures of the cell nuclei in a microscope image of each, and the diagnosis. They come with scikit-learn",
    ),
    "regression": (
        "houses",
        "What does a house cost?",
        "Real estate valuation data (I-Cheng Yeh, 2018, CC BY 4.0): 414 sales in Sindian, New Taipei City, with "
        "date, age of the house, meters to the underground, shops nearby and place; the price is that of 3.3 m², "
        "in 10,000 New Taiwan dollars. They come with marquardt",
    ),
}
"""Of every kind of demo: its table, the question, and what the table is."""


def run(given: Given) -> int:
    """Write the data, train, explain; returns the exit code."""
    name, question, text = DEMOS[one_of(given.kind, DEMOS, "the demo")]
    folder, console = given.folder, given.console()
    found = table_named(name)
    data, network = folder / f"{name}.csv", folder / f"{name}.marquardt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"Cannot make the folder {folder}: {error.strerror or error}. Name another by --folder."
        ) from error
    write(found, data, force=True)

    console.say(question, style="bold")
    console.say(f"{text} and are now in {data}, as an ordinary CSV file.")
    console.say()
    console.say("This is what the following command does:")
    console.say(f"    marquardt train {data} --target {found.target}", style="cyan")
    console.say()

    job = job_of(Given("train", data=data, target=[found.target], output=network, force=True))
    if console.is_live:
        # An epoch takes a hundredth of a second, too fast to watch.
        job = replace(job, pause=0.15)
    prepared = prepare_table(job)
    introduce(job, prepared, console)
    for sentence in _legend(prepared):
        console.say(sentence)
    console.say()
    with interrupts_of(console) as (interrupts, asked):
        is_interrupted = pull(prepared.fitting, console, interrupts, asked, pause=job.pause)
        if is_interrupted and prepared.fitting.record.num_epochs == 0:
            console.say("Interrupted before the first epoch. No network is saved.", style="yellow")
            return interrupts.code
        content = content_of(job, prepared, prepared.fitting.record.seconds, is_interrupted)
        content = replace(content, report=prepared.errors(prepared.fitting.network))
        save(network, content, force=True)
    conclude(job, prepared, content, console, is_interrupted)
    console.say()
    for sentence in _verdict(prepared, content):
        console.say(sentence)
    console.say()
    console.say("Next:")
    for command in (
        f"marquardt inspect {network}",
        f"marquardt predict {network} {data} -o {folder / 'predicted.csv'}",
        "marquardt train YOUR.csv --target COLUMN",
        "marquardt train --help",
    ):
        console.say(f"    {command}", style="cyan")
    return interrupts.code if interrupts.is_asked else 0


def _legend(prepared: PreparedTable) -> Iterator[str]:
    parts = prepared.parts
    metric = "cross_entropy" if prepared.coding.classes else "mse"
    yield "What you will see, each value with the limit that ends the training behind /:"
    yield "  epoch          one improvement of all weights at once"
    if prepared.coding.classes:
        yield f"  cross-entropy  error on the {len(parts.train)} training rows: 0 is perfect, 0.69 is guessing"
    else:
        yield f"  mse            mean squared error on the {len(parts.train)} training rows: 0 is perfect"
    yield f"  validation     the same on {len(parts.validation)} rows that are not learned from"
    yield f"  {gradient_name(metric):<15}how steeply the mean error still falls; 0 at the bottom"
    yield "  mu             the caution of the steps: the smaller, the bolder"
    yield "  checks         epochs in a row in which validation did not improve:"
    yield "                 from there on the training rows are learned by heart"


def _verdict(prepared: PreparedTable, content: NetworkFile) -> Iterator[str]:
    """Compare with the most frequent class and with a linear model, on the rows never looked at."""
    report: Mapping[str, Any] = content.report or {}
    rows, targets, coding = prepared.parts.test, prepared.targets, prepared.coding
    linear = Fitting(
        prepared.inputs,
        targets,
        Settings(hidden_layer_sizes=(), seed=0),
        coding.task,
        n_classes=len(coding.classes),
        parts=prepared.parts,
    )
    for _ in linear:
        pass
    outputs = linear.network.outputs(prepared.inputs[rows])
    if coding.task == "regression":
        (of_network,) = report["test"]["targets"].values()
        wanted, usual = targets[rows, 0], targets[prepared.parts.train].mean()
        yield f"How good is that? On the {len(rows)} test rows, which nothing looked at before, the RMSE is"
        yield f"  {of_network['rmse']:6.2f}  by this network"
        yield f"  {_rmse(outputs[:, 0] - wanted):6.2f}  by a linear model (the same command with --hidden none)"
        yield f"  {_rmse(usual - wanted):6.2f}  by always saying {usual:.2f}, the mean of the training rows"
        yield "With so few test rows some of it is chance: another --seed divides them otherwise."
        return
    frequent = np.bincount(targets[prepared.parts.train]).argmax()
    of_linear = classification_scores(outputs, targets[rows])
    yield f"How good is that? Of the {len(rows)} test rows, which nothing looked at before, were named rightly:"
    yield f"  {report['test']['accuracy']:6.1%}  by this network"
    yield f"  {of_linear['accuracy']:6.1%}  by a linear model (the same command with --hidden none)"
    label = prepared.coding.classes[int(frequent)]
    yield f"  {float(np.mean(targets[rows] == frequent)):6.1%}  by always saying {label!r}"
    yield "With so few test rows a percent or two is chance: another --seed divides them otherwise."


def _rmse(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2)))
