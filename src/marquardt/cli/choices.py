"""The options of `marquardt train` as they were given, before anything is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Choices:
    """One field an option, under its name; None where an option was not given."""

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
