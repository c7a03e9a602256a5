"""One table of exit codes, and it is that of the errors."""

import re

from tests.docs.errors import kinds
from tests.docs.pages import CODE, REFERENCE, tables
from tsn.runtime import errors

BESIDES = {0, 130, 143}  # done, Ctrl-C and SIGTERM, which no TsnError ends with
(TABLE,) = tables((REFERENCE / "exit_codes.md").read_text(encoding="utf-8"))


def test_the_page_has_every_error_under_its_code_and_no_other() -> None:
    on_the_page = {(name, int(code)) for code, _, names in TABLE.rows for name in CODE.findall(names)}
    assert on_the_page == {(kind.__name__, kind.exit_code) for kind in kinds()}


def test_every_code_is_there_once() -> None:
    codes = [int(code) for code, _, _ in TABLE.rows]
    assert codes == sorted({kind.exit_code for kind in kinds()} | BESIDES)


def test_the_table_in_the_code_has_the_same_codes() -> None:
    in_the_code = re.findall(r"^\| ([\d, ]+) \|", errors.__doc__ or "", re.MULTILINE)
    assert {int(code) for row in in_the_code for code in row.split(",")} == {int(code) for code, _, _ in TABLE.rows}
