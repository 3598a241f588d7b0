"""A training is never lost: neither to what cannot be said, nor to a signal once there is a network."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from marquardt import NetworkForecaster
from marquardt.cli import comparison, prediction, running, training
from marquardt.estimators import closing, walking
from marquardt.storage import load
from marquardt.streams import data
from marquardt.tables import TableCoding

from .conftest import usual_signals
from .made import concrete, write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and devices are others there")
QUICK = ("--target", "strength", "--hidden", "3", "--epochs", "5", "-o", "made.marquardt")
SIGNALS = [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)]
KILLS = [SIGNALS[1], *(pytest.param(*each, marks=pytest.mark.slow) for each in SIGNALS[2:])]
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")


@pytest.fixture
def shelled(tmp_path, concrete_csv):
    """Run a line of the shell."""

    def run(line):
        script = f'"{sys.executable}" -m marquardt {line}'
        command = ["sh", "-c", script]
        done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert "Traceback" not in done.stderr
        assert "mistake in marquardt" not in done.stderr
        return done.returncode, done.stderr

    return run


@needs_full
@pytest.mark.parametrize("where", [">/dev/full", ">&-", ">/dev/full 2>/dev/full", ">&- 2>&-"])
def test_a_log_that_takes_nothing_ends_no_training(shelled, tmp_path, where):
    assert shelled(f"train concrete.csv {' '.join(QUICK)} {where}") == (0, "")
    assert load(tmp_path / "made.marquardt").record.num_epochs == 5


def test_a_terminal_that_is_gone_ends_no_training(begin, tmp_path, concrete_csv):
    master, slave = os.openpty()

    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = begin(
        "train", concrete_csv, *QUICK, "--epochs", "20000", "--max-fail", "0", "--min-grad", "0",
        stdout=slave, stderr=slave, stdin=slave, preexec_fn=ignore,
    )  # fmt: skip
    os.close(slave)
    seen = b""
    while b"epoch" not in seen:
        seen += os.read(master, 1000)
    os.close(master)
    assert process.wait(timeout=120) == 0
    assert load(tmp_path / "made.marquardt").about["interrupted"] is False


@needs_full
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
@pytest.mark.parametrize(
    "line",
    [
        "train concrete.csv --target strength --epochs 5 -o other.marquardt --json",
        "predict made.marquardt concrete.csv",
        "inspect made.marquardt",
        "inspect made.marquardt --json",
        "explain concrete.csv --target strength",
        "compare --list",
        "version",
        "train --help",
    ],
)
def test_a_result_that_cannot_be_written_is_a_sentence(shelled, call, tmp_path, line, where):
    assert call("train", "concrete.csv", *QUICK).code == 0
    code, err = shelled(f"{line} {where}")
    assert code == 2
    assert err.splitlines()[-1].startswith("Error: Cannot write to standard output: ")
    assert err.count("Cannot write") == 1
    if "--json" in line and "train" in line:
        assert "The network is saved all the same: other.marquardt." in err
        assert (tmp_path / "other.marquardt").exists()


def test_a_refusal_that_cannot_be_written_is_an_exit_code(shelled):
    assert shelled("train nothing.csv --target y 2>&-") == (2, "")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("moment", ["content_of", "save_both", "write_record", "conclude", "summary"])
def test_a_signal_after_the_last_epoch_loses_nothing(
    call, own_signals, concrete_csv, tmp_path, monkeypatch, number, code, moment
):
    plain = getattr(training, moment)

    def signaled(*arguments, **options):
        os.kill(os.getpid(), getattr(signal, number))
        time.sleep(0.05)
        return plain(*arguments, **options)

    monkeypatch.setattr(training, moment, signaled)
    answer = call("train", concrete_csv, *QUICK, "--record", "made.csv", "--json")
    assert answer.code == code
    assert "Nothing is saved" not in answer.err
    assert answer.json["epochs"] == 5
    assert load(tmp_path / "made.marquardt").about["interrupted"] is False
    assert len((tmp_path / "made.csv").read_text().splitlines()) == 7
    assert sorted(os.listdir(tmp_path)) == ["concrete.csv", "made.csv", "made.marquardt"]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_what_is_said_of_files_after_the_end_is_true(
    call, own_signals, concrete_csv, tmp_path, monkeypatch, number, code
):
    assert call("train", concrete_csv, *QUICK).code == 0

    def signaled(*arguments, **options):
        os.kill(os.getpid(), getattr(signal, number))
        time.sleep(0.05)

    monkeypatch.setattr(prediction, "_show_errors", signaled)
    answer = call("predict", "made.marquardt", concrete_csv, "-o", "predicted.csv")
    assert answer.code == code
    assert answer.err.strip() == "Interrupted. What is written: predicted.csv."
    assert (tmp_path / "predicted.csv").exists()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_while_a_table_is_written_leaves_no_file(
    call, own_signals, concrete_csv, tmp_path, monkeypatch, number, code
):
    assert call("train", concrete_csv, *QUICK).code == 0
    before = sorted(os.listdir(tmp_path))

    def signaled(*arguments, **options):
        os.kill(os.getpid(), getattr(signal, number))
        time.sleep(0.05)

    monkeypatch.setattr(prediction.Predicting, "predicted", signaled)
    answer = call("predict", "made.marquardt", concrete_csv, "-o", "predicted.csv")
    assert (answer.code, answer.err.strip()) == (code, "Interrupted. Nothing is saved.")
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_no_temporary_file(tmp_path):
    write(tmp_path / "concrete.csv", concrete())
    script = (
        "import os, signal, sys, time\n"
        "from marquardt.cli import main, training\n"
        "def slow(path, content):\n"
        "    for _ in range(2):\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(0.2)\n"
        "    time.sleep(30)\n"
        "training.write = slow\n"
        f"sys.exit(main({['train', 'concrete.csv', *QUICK]!r}))\n"
    )
    (tmp_path / "slow.py").write_text(script)
    process = subprocess.run(
        [sys.executable, "slow.py"], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60,
        preexec_fn=usual_signals,
    )  # fmt: skip
    assert (process.returncode, process.stderr.strip()) == (130, "Interrupted. Nothing is saved.")
    assert sorted(os.listdir(tmp_path)) == ["concrete.csv", "slow.py"]


# -- what takes long after the last epoch ------------------------------------------------------------------------------


STREAMED = ("train", "rows.parquet", *QUICK, "--stream")


@pytest.fixture
def rows(tmp_path):
    header, *cells = concrete()
    columns = dict(zip(header, zip(*cells, strict=True), strict=True))
    for name in ("age", "water", "strength"):
        columns[name] = [float(cell) for cell in columns[name]]
    pyarrow.parquet.write_table(
        pa.table({name: list(each) for name, each in columns.items()}), tmp_path / "rows.parquet"
    )


FORECAST = (
    "forecast", "series.csv", "--target", "y", "--lags", "1-3", "--hidden", "2", "--restarts", "2", "--epochs", "20",
    "--horizon", "2", "--splits", "2", "--network", "made.marquardt",
)  # fmt: skip


@pytest.fixture
def series_csv(tmp_path):
    values = np.sin(0.4 * np.arange(80)) + 0.1 * np.random.default_rng(0).normal(size=80)
    return write(tmp_path / "series.csv", [["y"], *([f"{value:.4f}"] for value in values)])


def signaled(number, then=30.0):
    """What sends a signal to its own process, and goes on for long unless that breaks it off."""

    def send(*arguments, **options):
        os.kill(os.getpid(), getattr(signal, number))
        time.sleep(then)
        raise AssertionError("this should have been broken off")

    return send


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_breaks_off_the_pass_for_the_errors_and_the_network_is_saved(
    call, own_signals, rows, tmp_path, monkeypatch, number, code
):
    monkeypatch.setattr(training, "errors_of_parts", signaled(number))
    answer = call(*STREAMED, "--record", "made.csv", "--json")
    assert answer.code == code, answer.err
    assert answer.json["errors"] is None
    assert "The errors are left out" in answer.err
    assert "marquardt predict made.marquardt rows.parquet" in answer.err
    assert load(tmp_path / "made.marquardt").record.num_epochs == 5
    assert sorted(os.listdir(tmp_path)) == ["made.csv", "made.marquardt", "rows.parquet"]


@pytest.mark.parametrize(("number", "code"), SIGNALS[1:])
def test_who_may_be_killed_next_takes_no_errors(call, own_signals, rows, tmp_path, monkeypatch, number, code):
    monkeypatch.setattr(running.Progress, "show", lambda *_: os.kill(os.getpid(), getattr(signal, number)))
    assert call(*STREAMED).code == code
    assert not (tmp_path / "made.marquardt").exists()  # no epoch was done

    def after_two(self, epoch, *_):
        if epoch.epoch == 2:
            os.kill(os.getpid(), getattr(signal, number))

    monkeypatch.setattr(running.Progress, "show", after_two)
    assert call(*STREAMED).code == code
    content = load(tmp_path / "made.marquardt")
    assert (content.report, content.record.num_epochs, content.about["interrupted"]) == (None, 2, True)


def test_a_signal_breaks_off_a_long_pass_over_passing_rows(call, own_signals, rows, tmp_path, monkeypatch):
    plain, passes, sent = data.FileData.batches, [], []

    def batches(self):
        passes.append(None)
        for batch in plain(self):
            if len(passes) == 12 and not sent:
                sent.append(None)  # a second one would end this process
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(30.0)
            yield batch

    monkeypatch.setattr(data, "KEPT_BYTES", 0)
    monkeypatch.setattr(data.FileData, "batches", batches)
    began = time.monotonic()
    answer = call(*STREAMED, "--epochs", "1000", "--max-fail", "0", "--min-grad", "0")
    assert time.monotonic() - began < 20
    assert answer.code == 130
    content = load(tmp_path / "made.marquardt")
    assert content.record.stop.code == "user"
    assert content.record.num_epochs < 12


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_breaks_off_the_evaluation_of_a_forecaster_that_is_saved(
    call, own_signals, series_csv, tmp_path, monkeypatch, number, code
):
    monkeypatch.setattr(walking, "_forecasts", signaled(number))
    answer = call(*FORECAST, "--json")
    assert answer.code == code
    assert (answer.json["errors"], len(answer.json["forecast"]["y"])) == (None, 2)
    assert "the evaluation is left out" in answer.err
    assert load(tmp_path / "made.marquardt").record.stop.code != "user"


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_breaks_off_training_in_closed_loop_only(
    call, own_signals, series_csv, tmp_path, monkeypatch, number, code
):
    monkeypatch.setattr(closing, "simulate", signaled(number))
    answer = call(*FORECAST, "--closed-loop")
    assert answer.code == code
    assert load(tmp_path / "made.marquardt").record.num_epochs > 0


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("moment", ["conclude", "summary", "replacing"])
def test_a_signal_after_the_last_run_of_a_comparison_loses_nothing(
    call, own_signals, tmp_path, monkeypatch, number, code, moment
):
    plain = getattr(comparison, moment)

    def late(*arguments, **options):
        os.kill(os.getpid(), getattr(signal, number))
        time.sleep(0.05)
        return plain(*arguments, **options)

    monkeypatch.setattr(comparison, moment, late)
    answer = call("compare", "parity-2", "--algorithms", "lm", "--starts", "2", "-o", "made.json", "--json")
    assert answer.code == code
    assert answer.json["complete"]
    assert len(json.loads((tmp_path / "made.json").read_text())["runs"]) == 2


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_comparison_ends_by_the_code_of_its_signal(call, own_signals, tmp_path, monkeypatch, number, code):
    monkeypatch.setattr(comparison.Runs, "take", signaled(number))
    answer = call("compare", "parity-2", "--algorithms", "lm", "--starts", "3", "-o", "made.json")
    assert answer.code == code
    assert len(json.loads((tmp_path / "made.json").read_text())["runs"]) == 1


COMPARE = ("compare", "parity-2", "--algorithms", "lm", "--starts", "4")


def test_a_second_ctrl_c_writes_the_finished_runs_of_a_comparison(begin, tmp_path):
    patch = "comparison.Runs.take = lambda self, run, n_done, n_all: stick(signal.SIGINT, 2) if n_done == 2 else None"
    process = begin(program=stuck(tmp_path, (*COMPARE, "-o", "made.json"), patch))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "Interrupted. What is written: made.json.")
    assert len(json.loads((tmp_path / "made.json").read_text())["runs"]) == 2
    process = begin(program=stuck(tmp_path, COMPARE, patch))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "Interrupted. Nothing is saved.")
    assert "Interrupted: 2 of 4 runs are finished." in out


@pytest.mark.parametrize(("number", "code"), KILLS)
def test_who_may_be_killed_next_writes_finished_runs_before_the_run_ends(begin, tmp_path, number, code):
    patch = f"comparison.Runs.take = lambda self, run, n_done, n_all: stick(signal.{number}) if n_done == 2 else None"
    process = begin(program=stuck(tmp_path, (*COMPARE, "-o", "made.json"), patch))
    made = tmp_path / "made.json"
    while process.poll() is None and not made.exists():
        time.sleep(0.01)
    assert process.poll() is None
    assert len(json.loads(made.read_text())["runs"]) == 2
    assert process.wait(timeout=60) == code, process.stderr.read()
    assert len(json.loads(made.read_text())["runs"]) == 2
    assert sorted(os.listdir(tmp_path)) == ["made.json", "stuck.py"]


def twice(tmp_path, arguments, patch):
    """Run the program in a process that sends itself Ctrl-C twice where `patch` calls `both`, and goes on for long."""
    script = (
        "import os, signal, sys, time\n"
        "from marquardt.cli import main, training, forecasting, running\n"
        "from marquardt.estimators import walking\n"
        "def both():\n"
        "    for _ in range(2):\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(0.2)\n"
        "    time.sleep(60)\n"
        f"{patch}\n"
        f"sys.exit(main({list(map(str, arguments))!r}))\n"
    )
    (tmp_path / "twice.py").write_text(script)
    return subprocess.run(
        [sys.executable, "twice.py"], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=50,
        preexec_fn=usual_signals,
    )  # fmt: skip


LONG_EPOCH = "running.Progress.show = lambda self, epoch, *_: both() if epoch.epoch == 3 else None"
RULES = ["lm", "trainbr", "rprop", "lm_bfgs"]


@pytest.mark.parametrize(
    "options",
    [
        ("--algorithm", "lm"),
        *(pytest.param(("--algorithm", rule), marks=pytest.mark.slow) for rule in RULES[1:]),
        pytest.param(("--alpha", "auto"), marks=pytest.mark.slow),
        pytest.param(("--restarts", "8"), marks=pytest.mark.slow),
        pytest.param(("--alpha", "auto", "--restarts", "3"), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_a_second_ctrl_c_in_a_long_epoch_saves_the_best_network(tmp_path, concrete_csv, options):
    given = ["train", "concrete.csv", *QUICK, "--record", "made.csv", "--division", "none", *options]
    done = twice(tmp_path, given, LONG_EPOCH)
    assert (done.returncode, done.stderr.strip()) == (130, "Interrupted. What is written: made.marquardt, made.csv.")
    content = load(tmp_path / "made.marquardt")
    assert (content.report, content.about["interrupted"]) == (None, True)
    assert content.record.num_epochs >= 3
    table = pyarrow.csv.read_csv(concrete_csv)
    coding = TableCoding.from_dict(content.coding)
    residual = content.network.outputs(coding.inputs(table))[:, 0] - table["strength"].to_numpy()
    assert np.mean(residual**2) == pytest.approx(content.record.best_perf, rel=1e-9)
    assert sorted(os.listdir(tmp_path)) == ["concrete.csv", "made.csv", "made.marquardt", "twice.py"]


def stuck(tmp_path, arguments, patch):
    """Write a program whose main thread `stick(number, count)` makes deaf for some seconds, in which signals come."""
    script = (
        "import os, signal, sys, threading, time\n"
        "from marquardt.cli import comparison, main, running\n"
        "def stick(number, count=1):\n"
        "    def send():\n"
        "        for _ in range(count):\n"
        "            time.sleep(0.3)\n"
        "            os.kill(os.getpid(), number)\n"
        "    threading.Thread(target=send, daemon=True).start()\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [number])\n"  # another thread gets it
        "    time.sleep(4)\n"
        f"{patch}\n"
        f"sys.exit(main({list(map(str, arguments))!r}))\n"
    )
    (tmp_path / "stuck.py").write_text(script)
    return ["stuck.py"]


@pytest.mark.parametrize(
    "arguments", ["train", *(pytest.param(each, marks=pytest.mark.slow) for each in ("streamed", "forecast"))]
)
@pytest.mark.parametrize(("number", "code"), KILLS)
def test_who_may_be_killed_next_saves_before_the_epoch_ends(
    begin, concrete_csv, rows, series_csv, tmp_path, arguments, number, code
):
    record = ("--record", "made.csv")
    given = {"train": ("train", concrete_csv, *QUICK), "streamed": STREAMED, "forecast": FORECAST}[arguments]
    patch = f"running.Progress.show = lambda self, epoch, *_: stick(signal.{number}) if epoch.epoch == 3 else None"
    process = begin(program=stuck(tmp_path, (*given, *record), patch))
    made, written = tmp_path / "made.marquardt", tmp_path / "made.csv"
    while process.poll() is None and not made.exists():
        time.sleep(0.01)
    assert process.poll() is None  # the third epoch is still being shown
    assert written.exists()
    first = load(made)
    assert (first.record.num_epochs, first.about.get("interrupted", True)) == (3, True)
    assert process.wait(timeout=60) == code, process.stderr.read()
    last = load(made)
    assert (last.record.num_epochs, last.about.get("interrupted", True)) == (3, True)
    np.testing.assert_array_equal(last.network.weights, first.network.weights)
    assert (last.report is None) == (arguments != "train")
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize(("number", "code"), SIGNALS[1:])
def test_who_may_be_killed_next_breaks_off_an_epoch_in_memory(
    call, own_signals, concrete_csv, tmp_path, monkeypatch, number, code
):
    def long(self, epoch, *_):
        if epoch.epoch == 2:
            signaled(number)()

    monkeypatch.setattr(running.Progress, "show", long)
    began = time.monotonic()
    answer = call("train", concrete_csv, *QUICK, "--record", "made.csv")
    assert time.monotonic() - began < 20
    assert answer.code == code
    content = load(tmp_path / "made.marquardt")
    assert (content.record.num_epochs, content.record.stop.code) == (2, "user")
    assert content.report is not None


def test_a_second_ctrl_c_in_the_pass_for_the_errors_leaves_the_network(tmp_path, rows):
    patch = (
        "training.errors_of_parts = lambda *_: both()\n"
        "running.Progress.show = lambda self, epoch, *_: epoch.epoch == 2 and os.kill(os.getpid(), signal.SIGINT)"
    )
    done = twice(tmp_path, STREAMED, patch)
    assert (done.returncode, done.stderr.strip()) == (130, "Interrupted. What is written: made.marquardt.")
    assert "The network is saved. Its errors are taken" in done.stdout
    assert load(tmp_path / "made.marquardt").record.num_epochs == 2


def test_a_second_ctrl_c_saves_the_forecaster(tmp_path, series_csv):
    patch = "running.Progress.show = lambda self, epoch, *_: both() if epoch.epoch == 2 else None"
    done = twice(tmp_path, FORECAST, patch)
    assert (done.returncode, done.stderr.strip()) == (130, "Interrupted. What is written: made.marquardt.")
    loaded = NetworkForecaster.from_file(tmp_path / "made.marquardt")
    assert np.isfinite(loaded.predict(3)).all()
