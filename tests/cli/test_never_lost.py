"""A training is never lost: neither to what cannot be said, nor to a signal once there is a network."""

import os
import signal
import subprocess
import sys
import time

import pytest

from marquardt.cli import prediction, training
from marquardt.storage import load

from .made import concrete, write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and devices are others there")
QUICK = ("--target", "strength", "--hidden", "3", "--epochs", "5", "-o", "made.marquardt")
SIGNALS = [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)]
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
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert (process.returncode, process.stderr.strip()) == (130, "Interrupted. Nothing is saved.")
    assert sorted(os.listdir(tmp_path)) == ["concrete.csv", "slow.py"]
