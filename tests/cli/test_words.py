"""Every door speaks its own words: refusals of tables on the command line name its options, and no parameters."""

import ast
import re
from pathlib import Path

import pytest

import marquardt

PYTHON_WORDS = re.compile(r"=\[|='|=\"|\bparameter|read_table|TableCoding|\btask '|\bmissing '")
COMMAND_LINE_WORDS = re.compile(r"(?<![\w-])--[a-z]")

ROWS = "area,street,price\n" + "".join(f"{k % 7}.5,{'elm' if k % 2 else 'oak'},{k * 1.5}\n" for k in range(12))


def replaced(old, new):
    assert old in ROWS
    return ROWS.replace(old, new, 1)


TRAIN = ("train", "rows.csv", "--target", "price", "--epochs", "1", "-o", "made.marquardt")
PREDICT = ("predict", "net.marquardt", "rows.csv")

REFUSED = {
    "a gap in an input": (replaced("1.5,elm", ",elm"), TRAIN, "--missing drop, mean or median"),
    "a word read as missing": (replaced("1.5,elm", "1.5,NA"), TRAIN, "--keep-words NA"),
    "mostly numbers": (replaced("1.5,elm", "none,elm"), TRAIN, "--ignore area"),
    "all gaps": ("area,price\n,1\n,2\n,3\n", TRAIN, "--ignore area"),
    "a target without values": ("area,price\n1,\n2,\n3,\n", TRAIN, "Fill it, or choose another target"),
    "dates as a target": ("a,price\n1,2020-01-01\n2,2020-01-02\n", TRAIN, "or choose another target"),
    "words in a target": (replaced(",1.5\n", ",none\n"), TRAIN, "is missing, or choose another target"),
    "no row with all targets": (
        "area,price,rent\n1,1,\n2,,2\n3,2,\n4,,1\n",
        (*TRAIN, "--target", "rent"),
        "Train one network for each, naming it alone by --target",
    ),
    "gaps in a comparison": (
        replaced("1.5,elm", ",elm"),
        ("compare", "rows.csv", "--target", "price", "--goal", "1"),
        "--missing drop",
    ),
    "every row has a gap": (
        "area,street,price\n1,,1\n,elm,2\n3,,3\n,oak,4\n",
        (*TRAIN, "--missing", "drop"),
        "--missing mean",
    ),
    "dates": ("day,area,price\n2020-01-01,1,1\n2020-01-02,2,2\n2020-01-03,3,4\n", TRAIN, "--ignore day"),
    "dates as text": ("day,area,price\n1.2.2020,1,1\n2.2.2020,2,2\n3.2.2020,3,4\n", TRAIN, "--ignore day"),
    "names of rows": (
        "who,area,price\n" + "".join(f"n{chr(97 + k)},{k},{2 * k}\n" for k in range(9)),
        TRAIN,
        "--ignore who",
    ),
    "loose numbers": ("a,price\n" + "1.2.3,1\n2'2.,2\n1 2 3,3\n" * 3, TRAIN, "--ignore a"),
    "words as one of two targets": (ROWS, (*TRAIN, "--target", "street"), "it alone as the target"),
    "words for a regression": (
        ROWS,
        ("train", "rows.csv", "--target", "street", "--task", "regression", "-o", "made.marquardt"),
        "--task classification",
    ),
    "a class a row": (ROWS, (*TRAIN, "--task", "classification"), "--task regression"),
    "a median of passing rows": (ROWS, (*TRAIN, "--stream", "--missing", "median"), "--missing mean or drop"),
    "two readings": ("km;price\n25.548;1\n30.100;2\n", TRAIN, "--decimal . or --decimal ,"),
    "another encoding": (ROWS.replace("elm", "caf\xe9").encode("latin-1"), TRAIN, "--encoding windows-1252"),
    "wrong encoding": (
        ROWS.replace("elm", "caf\xe9").encode("latin-1"),
        (*TRAIN, "--encoding", "utf-8"),
        "--encoding windows-1252",
    ),
    "an unknown encoding": (ROWS, (*TRAIN, "--encoding", "utf-99"), "--encoding utf-99"),
    "a comment below": (ROWS + "# the end\n", TRAIN, "--comment '#'"),
    "one mark for two": (ROWS, (*TRAIN, "--decimal", ",", "--thousands", ","), "--decimal and --thousands"),
    "another mark": (ROWS, (*TRAIN, "--decimal", ";"), "--decimal must be"),
    "no number of lines": (ROWS, (*TRAIN, "--skip-rows", "x"), "--skip-rows must be"),
    "nothing as a comment": (ROWS, (*TRAIN, "--comment", " "), "--comment must be"),
    "a gap in an input, streamed": (replaced("1.5,elm", ",elm"), (*TRAIN, "--stream"), "--missing drop, mean"),
    "a network in the way": (ROWS, ("train", "rows.csv", "--target", "price", "-o", "net.marquardt"), "--force"),
    "an unseen level": (replaced("elm", "ash"), PREDICT, "--unknown ignore"),
    "an unseen level, streamed": (replaced("elm", "ash"), (*PREDICT, "--stream"), "--unknown ignore"),
    "a word among numbers": (replaced("1.5,elm", "x,elm"), PREDICT, "Column 'area' must hold numbers"),
    "a lacking column": (ROWS.replace("area", "size"), PREDICT, "lacks 1 of the 2 input columns"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_of_a_table_speaks_of_options(case, call, tmp_path):
    content, arguments, advice = REFUSED[case]
    (tmp_path / "good.csv").write_text(ROWS)
    call("train", "good.csv", "--target", "price", "--hidden", 1, "--epochs", 1, "-o", "net.marquardt", "--quiet")
    (tmp_path / "rows.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    answer = call(*arguments)
    assert answer.code == 2
    assert advice in answer.err
    assert not PYTHON_WORDS.search(answer.err), answer.err


def sentences(path):
    """Yield the literal text of all strings of a module but docstrings, advice of one door, and tests of it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    outside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "by_door":
            outside.update(id(each) for each in ast.walk(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            outside.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in outside:
            yield node.lineno, node.value


@pytest.mark.parametrize("room", ["tables", "streams"])
def test_what_is_said_to_both_doors_has_the_words_of_none(room):
    found = [
        (path.name, line, text)
        for path in sorted((Path(marquardt.__file__).parent / room).glob("*.py"))
        for line, text in sentences(path)
        if COMMAND_LINE_WORDS.search(text) or re.search(r"\w=\[|\w='|\w=\{\w+!r\}", text)
    ]
    assert found == []


def test_the_words_of_one_door_are_found(tmp_path):
    (tmp_path / "made.py").write_text("def f():\n    '''--a'''\n    g(by_door('--b', \"b=['c']\"), f'take --d {1}')\n")
    assert [text for _, text in sentences(tmp_path / "made.py") if COMMAND_LINE_WORDS.search(text)] == ["take --d "]
