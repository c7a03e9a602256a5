"""Where to add what: the files and names of that table are there."""

import ast
import re

import pytest

from tests.docs.pages import CODE, ROOT, tables

(TABLE,) = tables((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
NAMED = re.compile(r"`(\w+)`(?: and `(\w+)`)?(?: of `\w+`)? (?:of|in) `([\w/]+\.py)`")
IN_A_CLASS = re.compile(r"`(\w+)` of `(\w+)` in `([\w/]+\.py)`")


def names_in(file: str) -> set[str]:
    """Return the functions, classes, methods and fields that a module defines."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    targets = [node.target for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    targets += [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
    defined = [node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return {*defined, *(target.id for target in targets if isinstance(target, ast.Name))}


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row[0])
def test_every_name_is_defined_in_the_file_that_the_row_gives(row: tuple[str, ...]) -> None:
    text = " ".join(row[1:3])
    found = [(name, file) for first, second, file in NAMED.findall(text) for name in (first, second) if name]
    found += [(owner, file) for _, owner, file in IN_A_CLASS.findall(text)]
    for name, file in found:
        assert name in names_in(file), f"{name} in {file}"


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: row[0])
def test_every_row_gives_a_file_and_a_test_that_are_there(row: tuple[str, ...]) -> None:
    files = [name for cell in row for name in CODE.findall(cell) if "/" in name]
    assert any(name.startswith("tests/") for name in files)
    for name in files:
        assert (ROOT / name).exists(), name
