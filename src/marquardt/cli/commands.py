"""What the commands are called and do; what they take stands in `marquardt.options`.

What a command needs is imported when it is called, so that help answers at once.
"""

from __future__ import annotations

from marquardt.cli.taking import Given, takes_its_options


@takes_its_options
def demo(given: Given) -> int:
    """Train on real data and explain what is seen. Start here.

    The data come with the installation; nothing is fetched.
    """
    from marquardt.cli.demonstration import run

    return run(given)


@takes_its_options
def data(given: Given) -> int:
    """Write a table of real data that comes with the installation, or list them.

    \b
    marquardt data houses
    marquardt train houses.csv --target price
    """
    from marquardt.cli.shipped import run

    return run(given)


@takes_its_options
def train(given: Given) -> int:
    """Train a network from a table and write it to a file.

    Ctrl-C ends the training and keeps the best network so far.

    \b
    marquardt train houses.csv --target price
    marquardt train houses.csv --target price --hidden 20,10 --restarts 5
    """
    from marquardt.cli.training import run

    return run(given)


@takes_its_options
def explain(given: Given) -> int:
    """Say what a training would do, without doing it: which algorithm and why, time, memory.

    Takes the options of train.

    \b
    marquardt explain concrete.csv --target strength --hidden 100,50
    """
    from marquardt.cli.explanation import run

    return run(given)


@takes_its_options
def predict(given: Given) -> int:
    """Predict the rows of a table with a network.

    Columns are found by name; further columns do not matter. If DATA has the target column, too, the errors are
    shown.

    \b
    marquardt predict concrete.marquardt new.csv -o predicted.csv
    """
    from marquardt.cli.prediction import run

    return run(given)


@takes_its_options
def forecast(given: Given) -> int:
    """Forecast a series from its past, and say how good such forecasts were.

    Trains a network on lagged values, writes it, tells the errors of forecasts of the known past beside those of
    naive ones, and forecasts. Ctrl-C ends the training and keeps the best network so far.

    \b
    marquardt forecast passengers.csv --target passengers --lags 1-12 --difference 1,12 --horizon 24
    marquardt forecast furnace.csv --target co2 --exog gas --lags-exog 0-3 --output forecast.csv
    marquardt forecast newer.csv --model passengers.marquardt --horizon 24
    """
    from marquardt.cli.forecasting import run

    return run(given)


@takes_its_options
def inspect(given: Given) -> int:
    """Say what a network is, how it was trained and how good it is.

    \b
    marquardt inspect concrete.marquardt
    """
    from marquardt.cli.description import run

    return run(given)


@takes_its_options
def compare(given: Given) -> int:
    """Compare algorithms on one problem, all from the same starts.

    Ctrl-C ends the comparison and reports what is finished.

    \b
    marquardt compare parity-3 --algorithms lm,bfgs --starts 20
    marquardt compare concrete.csv --target strength --hidden 10 --goal 30
    """
    from marquardt.cli.comparison import run

    return run(given)
