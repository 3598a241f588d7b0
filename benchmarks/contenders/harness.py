"""What every contender's script stands on: the job, the same network in plain NumPy, the watch, and the answers.

A script is run by the Python of its own environment, which needs NumPy and the contender only. It reads a job as JSON
on standard input and answers with a line of JSON an event on standard output: ``ready`` once, ``run`` for every start,
``failed`` with a reason instead. The arrays of a job lie in an .npz file that the job names: a million rows are not for
JSON.

    job = {"arrays": FILE with inputs, targets and starts, "sizes": [inputs, hidden, …, outputs],
           "loss": "squares" or "softmax", "goals": a list a start, falling, "starts": which of them to run,
           "limit": seconds a start, "fixed": seconds that the first start goes on for at least,
           "cap": seconds after which no new start is begun, "iterations": at most so many a start,
           "settings": of the contender}

Weights are one flat vector: layer by layer, inside a layer unit by unit, inside a unit the weights of its inputs and
then its bias. Goals and losses are mean squared errors over all samples and outputs, or mean cross-entropies over
samples.

Seconds are of the processor, of all threads of the process together (`time.process_time`): what others do on the
machine is not counted. Time that a script spends only to look at the loss is not counted either (`Watch.paused`).
"""

import contextlib
import itertools
import json
import os
import platform
import re
import sys
import time
import traceback
from importlib import metadata

import numpy as np

__all__ = ["Ended", "Job", "Plain", "Refused", "Watch", "flat", "layers_of", "main"]

MOST_TRACED = 120
"""Points that are kept of a run's losses."""
LOOKING = 1.2
"""Times its limit that a run may take with the pauses."""


class Ended(Exception):
    """Ends a run from inside, whatever the contender is doing."""


class Refused(Exception):
    """What the contender cannot do, in a sentence."""


class Job:
    """The problem, the starts, and how far to go."""

    def __init__(self, told):
        self.sizes = tuple(told["sizes"])
        self.loss = told["loss"]
        self.goals = told["goals"]
        self.chosen = told["starts"]
        self.limit = told["limit"]
        self.fixed = told.get("fixed", 0.0)
        self.cap = told.get("cap") or float("inf")
        self.iterations = told.get("iterations") or sys.maxsize
        self.settings = told.get("settings", {})
        with np.load(told["arrays"]) as arrays:
            self.inputs, self.targets, self.starts = arrays["inputs"], arrays["targets"], arrays["starts"]

    def need_squares(self):
        """For contenders that know sums of squares only."""
        if self.loss != "squares":
            raise Refused("sums of squares only")

    @property
    def n_residuals(self):
        return len(self.inputs) * self.sizes[-1]

    def need_jacobian(self, most=1.5e9):
        """For contenders that store the Jacobian, in float64."""
        size = 8.0 * self.n_residuals * len(self.starts[0])
        if size > most:
            raise Refused(f"not tried: it stores the Jacobian, of {size / 1e9:.1f} GB, and copies of it")

    def shortened(self):
        """The same problem on a few samples, to warm up on."""
        short = object.__new__(Job)
        short.__dict__.update(vars(self))
        kept = min(len(self.inputs), max(50, len(self.starts[0]) // self.sizes[-1] + 1))
        short.inputs, short.targets = self.inputs[:kept], self.targets[:kept]
        return short


class Watch:
    """Sees every loss of one run, notes when the goals are met, and ends the run."""

    def __init__(self, goals, limit, fixed=0.0, iterations=sys.maxsize, looks=sys.maxsize):
        self.goals, self.limit, self.fixed = goals, limit, fixed
        self.most, self.looks = iterations, looks
        self.met = []
        self.trace = []
        self.best = float("inf")
        self.first = None
        self.spent = 0.0
        self.at_fixed = None
        self.iterations = self.evaluations = 0
        self.settled = 0.0
        self._paused = 0.0
        self._begun = time.process_time()

    @property
    def seconds(self):
        return time.process_time() - self._begun - self._paused

    @property
    def next_goal(self):
        """The loss that is to be met next; −1, which none is below, when all are met."""
        return self.goals[len(self.met)] if len(self.met) < len(self.goals) else -1.0

    @contextlib.contextmanager
    def paused(self):
        """For work that only looks."""
        begun = time.process_time()
        try:
            yield
        finally:
            self._paused += time.process_time() - begun

    def iterated(self):
        """An iteration of the contender's own is done."""
        self.counted(self.iterations + 1)

    def counted(self, iterations):
        """So many iterations are done."""
        self.iterations, self.spent = iterations, self.seconds

    def saw(self, loss):
        """The loss of a point that the contender has computed.

        Raises
        ------
        Ended
            When there is nothing more to see.
        """
        now, loss = self.seconds, float(loss)
        self.evaluations += 1
        if self.first is None:
            self.first, self.settled = loss, now
        if self.at_fixed is None and self.fixed and now >= self.fixed:
            self.at_fixed = self.best
        if loss < self.best:
            self.best = loss
            self.trace.append((now, loss))
            while len(self.met) < len(self.goals) and loss <= self.goals[len(self.met)]:
                self.met.append(now)
        is_done = bool(self.goals) and len(self.met) == len(self.goals)
        if is_done and now >= self.fixed:
            raise Ended("goal")
        # What only looks at the loss may not go on for ever, either.
        if now >= max(self.limit, self.fixed) or now + self._paused >= LOOKING * max(self.limit, self.fixed):
            raise Ended("limit")
        if self.iterations >= self.most:
            raise Ended("iterations")
        if self.evaluations >= self.looks:
            raise Ended("looks")

    def told(self, why):
        """What the run came to."""
        trace = self.trace
        if len(trace) > MOST_TRACED:
            chosen = np.unique(np.geomspace(1, len(trace), MOST_TRACED).astype(int) - 1)
            trace = [trace[i] for i in chosen]
        fixed = self.best if self.fixed and self.at_fixed is None else self.at_fixed
        return {
            "first": self.first,
            "met": self.met + [None] * (len(self.goals) - len(self.met)),
            "seconds": self.seconds,
            "loss": self.best if np.isfinite(self.best) else None,
            "fixed": fixed if fixed is not None and np.isfinite(fixed) else None,
            "iterations": self.iterations,
            "seconds an iteration": (self.spent - self.settled) / self.iterations if self.iterations else None,
            "evaluations": self.evaluations,
            "trace": trace,
            "why": why,
        }


def layers_of(weights, sizes):
    """The matrices (units × inputs) and biases of every layer of a flat vector."""
    layers, at = [], 0
    expected = sum(units * (fan_in + 1) for fan_in, units in itertools.pairwise(sizes))
    if len(weights) != expected:
        raise ValueError(f"sizes {sizes} have {expected} weights, got {len(weights)}")
    for fan_in, units in itertools.pairwise(sizes):
        block = np.asarray(weights[at : at + units * (fan_in + 1)]).reshape(units, fan_in + 1)
        layers.append((block[:, :-1], block[:, -1]))
        at += units * (fan_in + 1)
    return layers


def flat(layers):
    """The flat vector of matrices and biases: the inverse of `layers_of`."""
    return np.concatenate([np.column_stack([matrix, bias]).ravel() for matrix, bias in layers])


class Plain:
    """The network with one hidden tanh layer and a linear output layer, as one writes it in NumPy.

    The hidden values of the last weights are kept, so that a Jacobian where the residual was just asked for does not
    compute them again.
    """

    def __init__(self, job):
        if len(job.sizes) != 3:
            raise Refused("the script is written for one hidden layer")
        self.inputs, self.targets, self.loss = job.inputs, job.targets, job.loss
        self.sizes = job.sizes
        self.n_inputs, self.n_hidden, self.n_outputs = job.sizes
        self._at = self._hidden = None

    def outputs(self, weights):
        """Of shape (n_samples, n_outputs)."""
        (first, bias), (second, top) = layers_of(weights, self.sizes)
        if self._at is None or not np.array_equal(weights, self._at):
            self._hidden = np.tanh(self.inputs @ first.T + bias)
            self._at = np.array(weights)
        return self._hidden @ second.T + top

    def value_and_slope(self, weights):
        """The mean loss, and its slope by the outputs."""
        outputs = self.outputs(weights)
        if self.loss == "squares":
            residual = outputs - self.targets
            return np.vdot(residual, residual) / residual.size, residual * (2.0 / residual.size)
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        value = (np.log(sums).sum() - np.vdot(self.targets, shifted)) / len(outputs)
        return value, (exponentials / sums - self.targets) / len(outputs)

    def gradient(self, weights):
        """The mean loss and its gradient."""
        value, slope = self.value_and_slope(weights)
        _, (second, _) = layers_of(weights, self.sizes)
        hidden = self._hidden
        delta = slope @ second
        delta *= 1.0 - hidden * hidden
        gradient = np.empty(len(weights))
        (d_first, d_bias), (d_second, d_top) = layers_of(gradient, self.sizes)
        np.matmul(delta.T, self.inputs, out=d_first)
        delta.sum(axis=0, out=d_bias)
        np.matmul(slope.T, hidden, out=d_second)
        slope.sum(axis=0, out=d_top)
        return value, gradient

    def residual(self, weights):
        """Outputs minus targets, sample by sample."""
        return (self.outputs(weights) - self.targets).ravel()

    def jacobian(self, weights):
        """Of the residual, of shape (n_residuals, n_weights)."""
        self.outputs(weights)
        _, (second, _) = layers_of(weights, self.sizes)
        hidden, n_samples = self._hidden, len(self.inputs)
        slope = 1.0 - hidden * hidden
        width = self.n_hidden * (self.n_inputs + 1)
        jacobian = np.zeros((n_samples, self.n_outputs, len(weights)))
        for k in range(self.n_outputs):
            part = jacobian[:, k, :width].reshape(n_samples, self.n_hidden, self.n_inputs + 1)
            delta = slope * second[k]
            np.multiply(delta[:, :, None], self.inputs[:, None, :], out=part[:, :, :-1])
            part[:, :, -1] = delta
            begin = width + k * (self.n_hidden + 1)
            jacobian[:, k, begin : begin + self.n_hidden] = hidden
            jacobian[:, k, begin + self.n_hidden] = 1.0
        return jacobian.reshape(n_samples * self.n_outputs, -1)


def memory(field):
    """VmHWM (the peak) or VmRSS of this process in MB, where the system tells it."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return int(re.search(field + r":\s+(\d+) kB", status.read()).group(1)) / 1024
    except (OSError, AttributeError):
        return None


def forget_peak():
    """Let the peak begin anew; where that cannot be, the peak is one of the whole life of the process."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")


def say(event, **content):
    """Answer."""
    print(json.dumps({"event": event, **content}), flush=True)


def run_one(run, weights, watch):
    """One run to its end; returns why it ended."""
    try:
        return run(weights, watch) or "stopped by itself"
    except Ended as end:
        return str(end)


def versions(packages):
    """Of Python and of what the contender is made of."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in packages}}


def main(load, packages=(), compiles=False):
    """Do the job on standard input.

    Parameters
    ----------
    load : callable
        Imports the contender and returns what, given a job, makes ``run(weights, watch)``. That gives every loss to
        ``watch.saw``, counts with ``watch.iterated``, and returns why it ended where it ended by itself.
    packages : sequence of str
        Whose versions to tell.
    compiles : bool
        Whether the first call compiles: then the warming up is on the whole problem, and its time is told.
    """
    if hasattr(os, "sched_setaffinity"):
        # Whatever threads a contender starts, they share one processor.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        prepare = load()
        imported = time.process_time()
        job = Job(json.load(sys.stdin))
        np.random.default_rng(0).random((8, 8)) @ np.ones((8, 8))
        begun = time.process_time()
        run = prepare(job)
        warm = run if compiles else prepare(job.shortened())
        times = []
        for _ in range(2):
            watch = Watch([], job.limit, looks=2 if compiles else 3)
            try:
                run_one(warm, job.starts[job.chosen[0]].copy(), watch)
            except Refused:
                raise
            except Exception:
                # What fails on a few samples may do better on all of them.
                traceback.print_exc()
            times.append(watch.seconds)
        say(
            "ready",
            imports=imported,
            prepares=time.process_time() - begun,
            compiles=max(0.0, times[0] - times[1]) if compiles else 0.0,
            versions=versions(packages),
        )
        before = memory("VmRSS")
        forget_peak()
        taken = 0.0
        for start in job.chosen:
            if taken >= job.cap:
                break
            fixed = job.fixed if start == 0 else 0.0
            watch = Watch(job.goals[start], job.limit, fixed, job.iterations)
            try:
                why = run_one(run, job.starts[start].copy(), watch)
            except Exception as error:
                traceback.print_exc()
                why = f"{type(error).__name__}: {error}"[:200]
            peak = memory("VmHWM")
            extra = None if peak is None or before is None else peak - before
            taken += watch.seconds
            say("run", start=start, memory=extra, **watch.told(why))
    except Refused as refusal:
        say("failed", reason=str(refusal))
    except Exception as error:
        traceback.print_exc()
        say("failed", reason=f"{type(error).__name__}: {error}"[:300])
