"""Tables that the tests train on."""

import csv

import numpy as np


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def concrete(n_rows=80):
    """A regression with a category, a boolean and a constant column."""
    rng = np.random.default_rng(0)
    rows = [["age", "water", "kind", "wet", "site", "strength"]]
    for _ in range(n_rows):
        age, water = rng.uniform(1, 90), rng.uniform(120, 240)
        kind, wet = rng.choice(["fly_ash", "slag", "none"]), rng.choice(["true", "false"])
        strength = 10 * np.log(age) - 0.1 * water + (kind == "slag") * 5 + (wet == "true") * 2 + rng.normal(0, 0.5)
        rows.append([f"{age:.2f}", f"{water:.1f}", kind, wet, "here", f"{strength:.3f}"])
    return rows


def flowers(n_rows=90):
    """Three classes in two columns."""
    rng = np.random.default_rng(1)
    rows = [["length", "width", "species"]]
    for number in range(n_rows):
        center = number % 3
        rows.append([f"{rng.normal(center, 0.3):.3f}", f"{rng.normal(-center, 0.4):.3f}", "abc"[center] * 2])
    return rows
