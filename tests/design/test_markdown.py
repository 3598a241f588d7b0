import pytest

from .markdown import Block, fenced_blocks, main

PAGE = """\
# A page

```bash
pip install . && marquardt demo
```

:::{note}
```python
a = 1

b = 2
```
:::

````text
```python
not a block of its own
```
````
"""


def test_blocks_carry_language_text_and_first_line():
    bash, python, text = fenced_blocks(PAGE)
    assert bash == Block("bash", "pip install . && marquardt demo\n", 4)
    assert python == Block("python", "a = 1\n\nb = 2\n", 9)
    assert text.language == "text"
    assert "not a block of its own" in text.text


def test_blocks_can_be_asked_for_by_language():
    assert [block.line for block in fenced_blocks(PAGE, "python")] == [9]


def test_block_that_is_never_closed_is_refused_with_its_line():
    with pytest.raises(ValueError, match="starts on line 2 is never closed"):
        fenced_blocks("text\n```python\na = 1\n")


def test_command_prints_the_block_asked_for(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    assert main(str(page), "bash", "1") == 0
    assert capsys.readouterr().out == "pip install . && marquardt demo\n"


def test_command_refuses_a_block_that_is_not_there(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    assert main(str(page), "bash", "2") == 1
    assert "has 1 blocks of bash, block 2 was asked for" in capsys.readouterr().err
