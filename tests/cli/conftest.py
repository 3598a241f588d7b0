"""Tables to train on, and the program to call, in an empty folder."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from marquardt.algorithms import LevenbergMarquardt, Verdict
from marquardt.cli import main

from .made import concrete, flowers, write


class Answer:
    """What a call of the program left: its exit code and what it printed."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def call(capfd, tmp_path, monkeypatch):
    """Call the program in an empty folder: `call("train", "a.csv", ...)`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Answer(code, *capfd.readouterr())

    return run


def usual_signals():
    """Whatever the tests were started from: in the background of a script Ctrl-C is ignored, and inherited so."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def begin(tmp_path):
    """Start the program in an empty folder, as a process of its own that ends with the test, however that ends."""
    begun = []

    def run(*arguments, program=("-m", "marquardt"), **options):
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "preexec_fn": usual_signals}
        process = subprocess.Popen(
            [sys.executable, *program, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            **{**settings, **options},
        )
        begun.append(process)
        return process

    yield run
    for process in begun:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait()


@pytest.fixture
def own_signals():
    """Signals as they usually are, in this process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    usual_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def refused(call, tmp_path):
    """Call the program and return its sentence, after checking that it refused and wrote nothing."""

    def run(*arguments):
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        answer = call(*arguments)
        assert answer.code == 2, answer.out + answer.err
        assert "Traceback" not in answer.err
        assert answer.err.startswith("Error: ")
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        return answer.err.removeprefix("Error: ").strip()

    return run


@pytest.fixture
def concrete_csv(tmp_path):
    return write(tmp_path / "concrete.csv", concrete())


@pytest.fixture
def flowers_csv(tmp_path):
    return write(tmp_path / "flowers.csv", flowers())


@pytest.fixture
def engine_parquet(tmp_path):
    rng = np.random.default_rng(2)
    speed, load = rng.uniform(1000, 6000, 70), rng.uniform(0, 1, 70)
    table = pa.table(
        {"speed": speed, "load": load, "torque": 100 * load + speed / 100, "consumption": 5 + 3 * load * load}
    )
    pyarrow.parquet.write_table(table, tmp_path / "engine.parquet")
    return tmp_path / "engine.parquet"


@pytest.fixture
def stuck(monkeypatch):
    """No step lowers a loss."""
    monkeypatch.setattr(LevenbergMarquardt, "judge", lambda self, here, step, there, state: (Verdict.STUCK, state))
    monkeypatch.setattr(LevenbergMarquardt, "finishes", False)
