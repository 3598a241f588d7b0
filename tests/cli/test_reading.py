"""How a file of text is written: one set of options at every command that reads a table."""

import json

import numpy as np
import pytest

COMMANDS = {
    "train": ("train", "rows.csv", "--target", "price", "--epochs", "3", "--output", "made.marquardt"),
    "explain": ("explain", "rows.csv", "--target", "price"),
    "forecast": ("forecast", "rows.csv", "--target", "price", "--epochs", "3", "--lags", "1-2", "--splits", "0"),
    "compare": (
        "compare",
        "rows.csv",
        "--target",
        "price",
        "--goal",
        "1",
        "--starts",
        "1",
        "--epochs",
        "2",
        "-a",
        "lm",
    ),
    "predict": ("predict", "net.marquardt", "rows.csv"),
    "train --stream": ("train", "rows.csv", "--target", "price", "--epochs", "3", "--stream", "-o", "made.marquardt"),
    "predict --stream": ("predict", "net.marquardt", "rows.csv", "--stream"),
}
every_command = pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)


def dealer(n_rows=60):
    """A price that falls by 0.4 a kilometer, with German marks: prices have no decimals."""
    rng = np.random.default_rng(0)
    kilometers = rng.integers(100, 30_000, n_rows)
    liters = rng.uniform(4, 9, n_rows)
    price = 21_000 - 0.4 * kilometers + 10 * liters
    cells = [
        (_german(k), f"{u:.2f}".replace(".", ","), _german(p))
        for k, u, p in zip(kilometers, liters, price, strict=True)
    ]
    return [("km", "l", "price"), *cells], kilometers, price


def _german(number):
    return f"{number:,.0f}".replace(",", ".")


def write(path, rows, separator=";"):
    path.write_text("".join(separator.join(row) + "\n" for row in rows))
    return path


@pytest.fixture
def network(tmp_path, call):
    rows, *_ = dealer()
    write(tmp_path / "plain.csv", [[cell.replace(".", "").replace(",", ".") for cell in row] for row in rows], ",")
    assert call("train", "plain.csv", "--target", "price", "--epochs", 30, "-o", "net.marquardt", "--quiet").code == 0


def test_a_target_with_thousands_is_learned_and_predicted_in_its_own_unit(tmp_path, call):
    rows, _, price = dealer()
    write(tmp_path / "rows.csv", rows)
    made = call("train", "rows.csv", "--target", "price", "--json", "--seed", 1)
    assert json.loads(made.out)["errors"]["test"]["targets"]["price"]["rmse"] < 100
    assert call("predict", "rows.marquardt", "rows.csv", "-o", "out.parquet").code == 0
    import pyarrow.parquet as pq

    predicted = pq.read_table(tmp_path / "out.parquet").column("price").to_numpy()
    assert np.sqrt(np.mean((predicted - price) ** 2)) < 100


@every_command
def test_what_has_two_readings_is_refused_and_settled_by_an_option(tmp_path, call, network, refused, arguments):
    rows = [("km", "l", "price"), *[(km, "5", price) for km, _, price in dealer()[0][1:]]]
    write(tmp_path / "rows.csv", rows)
    assert "--decimal . or --decimal ," in refused(*arguments)
    for option in (("--decimal", ","), ("--thousands", ".")):
        answer = call(*arguments, *option, *(["--force"] if arguments[0] in ("train", "forecast") else []))
        assert answer.code == 0, answer.err


@every_command
def test_every_option_reaches_every_command(tmp_path, call, network, arguments):
    rows, *_ = dealer()
    header, *cells = rows
    lines = [";".join(header), "Kilometer;Liter;Größe", *map(";".join, cells)]
    text = "Preise für Händler\nvon 2020\n" + "\n".join(["! erste", *lines, "! Ende; der; Zeilen"]) + "\n"
    (tmp_path / "rows.csv").write_bytes(text.encode("windows-1252"))
    options = ("--encoding", "windows-1252", "--skip-rows", "2,1", "--comment", "!", "--decimal", ",")
    answer = call(*arguments, *options)
    assert answer.code == 0, answer.err


@every_command
def test_a_wrong_option_is_refused_by_its_name(tmp_path, network, refused, arguments):
    write(tmp_path / "rows.csv", dealer()[0])
    assert refused(*arguments, "--decimal", "x").startswith("--decimal must be '.' or ','")
    assert refused(*arguments, "--skip-rows", "x").startswith("--skip-rows must be")
    assert refused(*arguments, "--encoding", "x").startswith("--encoding x is not known")


def test_a_new_file_is_read_as_it_is_written_itself(tmp_path, call, network):
    (tmp_path / "a.csv").write_text("km,l\n25548,5.94\n692,7.5\n")
    (tmp_path / "b.csv").write_text("km;l\n25.548;5,94\n692;7,5\n")
    (tmp_path / "c.csv").write_text("km;l\n25,548;5.94\n692;7.5\n")
    found = [
        call("predict", "net.marquardt", name, "-o", f"{name}.parquet").code for name in ("a.csv", "b.csv", "c.csv")
    ]
    assert found == [0, 0, 0]
    import pyarrow.parquet as pq

    a, b, c = (pq.read_table(tmp_path / f"{name}.csv.parquet") for name in "abc")
    assert a.equals(b)
    assert a.equals(c)


def test_options_of_text_are_refused_beside_what_is_none(tmp_path, engine_parquet, refused):
    arguments = ("train", "engine.parquet", "--target", "torque", "--ignore", "consumption", "--decimal", ",")
    assert "--decimal is for files of text" in refused(*arguments)
    assert "--decimal is for files of text" in refused(*arguments, "--stream")
    assert "--decimal belongs to a table" in refused("compare", "parity-2", "--decimal", ",")


@every_command
def test_what_is_left_out_of_a_file_is_said_once(tmp_path, call, network, arguments):
    header, *cells = [";".join(row) for row in dealer()[0]]
    lines = ["Cars of a dealer", header, "[km];[l];[EUR]", *cells]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    answer = call(*arguments)
    assert answer.code == 0, answer.err
    said = " ".join((answer.out + answer.err).split())
    assert said.count("Note: One line above the header left out, first 'Cars of a dealer'.") == 1
    assert said.count("Note: The row below the header is left out, as it holds units: '[km], [l], [EUR]'.") == 1


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", ","), (";", "."), (",", "."), ("|", ","), ("\t", ","), (",", ",")]
)
def test_predictions_are_written_as_the_table_is(tmp_path, call, network, separator, decimal, stream):
    rows = [[cell.replace(".", "") for cell in row] for row in dealer()[0]]
    cells = [[f'"{cell}"' if "," in cell and separator == decimal else cell for cell in row] for row in rows]
    (tmp_path / "rows.csv").write_text("".join(separator.join(row) + "\n" for row in cells).replace(",", decimal))
    if separator == ",":
        (tmp_path / "rows.csv").write_text(
            "".join(",".join(cell.replace(",", decimal) for cell in row) + "\n" for row in cells)
        )
    answer = call("predict", "net.marquardt", "rows.csv", "--keep", stream)
    assert answer.code == 0, answer.err
    header, first, *_ = answer.out.splitlines()
    assert header == separator.join(["km", "l", "price", "predicted price"])
    quote = '"' if separator == decimal else ""
    assert first.startswith(separator.join([rows[1][0], quote + rows[1][1].replace(",", decimal) + quote, rows[1][2]]))
    call("predict", "net.marquardt", "rows.csv", "--keep", "-o", "again.csv", stream)
    assert (tmp_path / "again.csv").read_text() == answer.out
    call("predict", "net.marquardt", "rows.csv", "-o", "one.parquet", stream)
    call("predict", "net.marquardt", "again.csv", "-o", "two.parquet", stream)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_an_option_says_the_mark_of_predictions_too(tmp_path, call, network):
    (tmp_path / "rows.csv").write_text("km;l\n25548;5\n692;7\n")
    assert "." in call("predict", "net.marquardt", "rows.csv").out
    assert "." not in call("predict", "net.marquardt", "rows.csv", "--decimal", ",").out


def test_a_forecast_is_written_as_the_table_is(tmp_path, call):
    (tmp_path / "rows.csv").write_text("t;y\n" + "".join(f"{k};{k % 5},25\n" for k in range(60)))
    arguments = ("--target", "y", "--lags", "1-5", "--splits", 0, "--epochs", 5, "--horizon", 3)
    assert call("forecast", "rows.csv", *arguments, "--output", "out.csv").code == 0
    header, *lines = (tmp_path / "out.csv").read_text().splitlines()
    assert header.endswith(";y")
    assert all(line.count(";") == 1 and line.count(",") == 1 and "." not in line for line in lines)
