import re

import pytest

from .documents import ROOT, Command, commands, help_answers, name_of, pages, run_page, tables_without_origin
from .markdown import fenced_blocks

WITH_PYTHON = [page for page in pages() if fenced_blocks(page.read_text(encoding="utf-8"), "python")]
WITH_COMMANDS = [(page, command) for page in pages() for command in commands(page.read_text(encoding="utf-8"))]
WRITTEN = [*pages(), *sorted((ROOT / "src").rglob("*.py")), *ROOT.glob("*.md")]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_python_on_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_page(page.read_text(encoding="utf-8"), name_of(page)) == []


@pytest.mark.parametrize(
    ("page", "command"), WITH_COMMANDS, ids=[f"{name_of(page)}:{each.line}" for page, each in WITH_COMMANDS]
)
def test_command_on_the_page_exists_with_its_options(page, command, tmp_path, monkeypatch, capsys):
    from marquardt.cli import main

    monkeypatch.chdir(tmp_path)
    answer = help_answers(main, command, monkeypatch)
    assert answer == 0, f"{name_of(page)}:{command.line}: {capsys.readouterr().err}"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_table_that_a_command_takes_can_be_had(page):
    from marquardt.problems import TABLES

    assert tables_without_origin(page.read_text(encoding="utf-8"), TABLES) == []


def test_tables_are_had_from_the_program_from_commands_and_from_python():
    page = """
```python
write("made.csv"); write("folder/part.parquet"); mkdir("folder")
```
`marquardt train none.csv -t y` and `marquardt compare parity-3`
```bash
marquardt train shipped.csv -t y && marquardt predict x.marquardt made.csv -o predicted.csv
marquardt train predicted.csv -t y | head
marquardt train 'folder/*.parquet' -t y
marquardt predict x.marquardt other.csv
```
"""
    assert tables_without_origin(page, ["shipped"]) == ["line 5: none.csv", "line 10: other.csv"]


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_no_text_names_a_place_on_one_machine(path):
    assert not re.search(r"(?<![\w.:/])/(work|tmp|root|home)/", path.read_text(encoding="utf-8"))


def page_of(*blocks):
    return "\n".join(f"```python\n{block}\n```\n" for block in blocks)


def test_blocks_of_a_page_share_their_names():
    assert run_page(page_of("a = 1", "b = a + 1", "assert b == 2"), "page.md") == []


def test_failure_names_page_and_line():
    assert run_page(page_of("a = 1", "b = 2\nc = missing"), "page.md") == [
        "page.md:7: NameError: name 'missing' is not defined"
    ]


def test_failure_inside_a_call_names_the_line_on_the_page():
    (sentence,) = run_page(page_of("import json\n\njson.loads('{')"), "page.md")
    assert sentence.startswith("page.md:4: JSONDecodeError")


def test_block_that_is_no_python_is_a_failure_with_its_line():
    (sentence,) = run_page(page_of("a = 1\nb = ="), "page.md")
    assert sentence.startswith("page.md:3: SyntaxError")


def test_dialogue_is_compared_with_what_it_prints():
    assert run_page(page_of("a = 1", ">>> a + 1\n2\n>>> 'x' * a\n'x'"), "page.md") == []
    (report,) = run_page(page_of("a = 1", ">>> a + 1\n3"), "page.md")
    assert "page.md" in report
    assert "line 6" in report
    assert "Expected:\n    3\nGot:\n    2" in report


def test_commands_are_joined_cut_and_counted():
    text = """\
```bash
pip install . && marquardt demo
marquardt train concrete.csv --target "compressive strength" \\
    --seed 1 > log.txt   # a comment
$ marquardt inspect concrete.marquardt | head
python -m pytest
```
"""
    assert list(commands(text)) == [
        Command(("demo",), 2),
        Command(("train", "concrete.csv", "--target", "compressive strength", "--seed", "1"), 3),
        Command(("inspect", "concrete.marquardt"), 5),
    ]


@pytest.mark.parametrize("end", [0, None, 2])
def test_answer_is_the_exit_code_however_the_program_ends(end, monkeypatch):
    def exits():
        raise SystemExit(end)

    assert help_answers(exits, Command(("demo",), 1), monkeypatch) == (end or 0)
    assert help_answers(lambda: end, Command(("demo",), 1), monkeypatch) == (end or 0)


def test_program_is_called_with_help(monkeypatch):
    import sys

    seen = []
    help_answers(lambda: seen.extend(sys.argv), Command(("train", "--seed", "1"), 1), monkeypatch)
    assert seen == ["marquardt", "train", "--seed", "1", "--help"]
