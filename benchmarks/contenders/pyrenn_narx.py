"""Train pyrenn's recurrent network, its NARX with the loop closed, and simulate it.

Needs ``pip install pyrenn`` in an environment of its own. Reads JSON on standard input: standardized targets, inputs
(a constant where there are none), lags, hidden units, seeds, seconds a start, and the origins and horizon of the
forecasts. Answers with a line of JSON a start: closed-loop paths and one-step predictions, seconds, and whether the
training came to its end. pyrenn looks for a step that helps without an end, so every start has a limit; the last
weights that helped are kept.
"""

import contextlib
import io
import json
import signal
import sys
import time

import numpy as np
import pyrenn


class Late(Exception):
    """The time of a start is over."""


def late(number, frame):
    raise Late


def main():
    told = json.load(sys.stdin)
    y, u = np.array(told["targets"]), np.array(told["inputs"])
    n_train, horizon = told["n_train"], told["horizon"]
    jacobian, best = pyrenn.RTRL, {}

    def noting(net, data):
        best["w"] = net["w"].copy()
        return jacobian(net, data)

    pyrenn.RTRL = noting
    signal.signal(signal.SIGALRM, late)
    for seed in told["seeds"]:
        np.random.seed(seed)  # noqa: NPY002 - pyrenn draws from there
        net = pyrenn.CreateNN([1, told["hidden"], 1], dIn=told["exog_lags"], dOut=told["lags"])
        begun, ended = time.process_time(), True
        signal.alarm(told["limit"])
        try:
            with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
                net = pyrenn.train_LM(u[:n_train], y[:n_train], net, k_max=told["epochs"])
        except Late:
            ended = False
            net["w"] = best["w"]
        finally:
            signal.alarm(0)
        seconds = time.process_time() - begun
        with np.errstate(all="ignore"):
            paths = [
                np.atleast_1d(pyrenn.NNOut(u[o : min(o + horizon, len(u))], net, P0=u[:o], Y0=y[:o])).tolist()
                for o in told["origins"]
            ]
            one_step = [
                float(np.atleast_1d(pyrenn.NNOut(u[o : o + 1], net, P0=u[:o], Y0=y[:o]))[0])
                for o in range(n_train, len(y))
            ]
        print(json.dumps({"paths": paths, "one_step": one_step, "seconds": seconds, "ended": ended}), flush=True)


if __name__ == "__main__":
    main()
