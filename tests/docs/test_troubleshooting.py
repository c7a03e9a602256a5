"""The lines that the page of troubleshooting explains are lines that the program prints."""

import ast

from tests.docs.pages import CODE, ROOT, tables

PAGE = ROOT / "docs" / "guide" / "troubleshooting.md"
MODULES = [path for top in ("runtime", "export", "train", "benchmarks") for path in (ROOT / top).rglob("*.py")]


def said() -> str:
    """Return everything that the program may say: the texts in its code, one a line."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in MODULES]
    constants = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return "\n".join(text for text in constants if isinstance(text, str))


def test_every_line_is_one_that_the_program_says() -> None:
    texts = said()
    chosen = [table for table in tables(PAGE.read_text(encoding="utf-8")) if "line says" in table.header[0]]
    lines = [line for table in chosen for row in table.rows for line in CODE.findall(row[0])]
    assert lines
    assert [line for line in lines if line not in texts] == []


def test_every_row_has_a_cause_and_something_to_do() -> None:
    for table in tables(PAGE.read_text(encoding="utf-8")):
        for row in table.rows:
            assert len(row) == 3
            assert all(row), row
