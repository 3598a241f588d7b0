"""The options of `marquardt train`, `forecast` and `compare` as they were given, before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Choices:
    """Of `marquardt train`: one field an option, under its name; None where an option was not given."""

    data: Path
    target: list[str] | None = None
    inputs: list[str] | None = None
    ignore: list[str] | None = None
    task: str = "auto"
    missing: str = "refuse"
    keep_words: list[str] | None = None
    stream: bool | None = None
    division: str | None = None
    validation: float | None = None
    test: float | None = None
    indices: Path | None = None
    seed: int = 0
    hidden: list[str] | None = None
    preset: str | None = None
    activation: str | None = None
    topology: str | None = None
    init: str | None = None
    scaling: str | None = None
    target_scaling: str = "auto"
    loss: str = "auto"
    loss_scale: float | None = None
    alpha: str | None = None
    restarts: int = 1
    algorithm: str | None = None
    mu: float | None = None
    mu_inc: float | None = None
    mu_dec: float | None = None
    threads: int | None = None
    memory: str | None = None
    jobs: int | None = None
    epochs: int = 1000
    time: float | None = None
    goal: float = 0.0
    goal_metric: str | None = None
    max_fail: int = 6
    min_grad: float = 1e-7
    mu_max: float | None = None
    output: Path | None = None
    force: bool = False
    record: Path | None = None
    quiet: bool = False
    as_json: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ForecastChoices:
    """The same of `marquardt forecast`."""

    data: Path
    target: list[str] | None = None
    lags: list[str] | None = None
    exog: list[str] | None = None
    lags_exog: list[str] | None = None
    difference: list[str] | None = None
    date: str | None = None
    dayfirst: bool | None = None
    horizon: int | None = None
    splits: int | None = None
    season: int | None = None
    model: Path | None = None
    hidden: list[str] | None = None
    scaling: str | None = None
    target_scaling: str | None = None
    loss: str | None = None
    alpha: str | None = None
    restarts: int | None = None
    validation: float | None = None
    seed: int = 0
    output: Path | None = None
    network: Path | None = None
    plot: Path | None = None
    closed_loop: bool = False
    force: bool = False
    quiet: bool = False
    as_json: bool = False
    of_train: dict[str, Any] = field(default_factory=dict)
    reading: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CompareChoices:
    """The same of `marquardt compare`."""

    problem: str | None = None
    algorithms: list[str] | None = None
    starts: int = 100
    seed: int = 0
    jobs: int = 1
    goal: float | None = None
    goal_metric: str | None = None
    epochs: int | None = None
    time: float | None = None
    min_grad: float = 0.0
    target: list[str] | None = None
    inputs: list[str] | None = None
    ignore: list[str] | None = None
    hidden: list[str] | None = None
    activation: str | None = None
    topology: str | None = None
    init: str | None = None
    resume: Path | None = None
    output: Path | None = None
    plots: Path | None = None
    force: bool = False
    shows_list: bool = False
    quiet: bool = False
    as_json: bool = False
    reading: dict[str, Any] = field(default_factory=dict)
