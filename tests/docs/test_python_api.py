"""The Python on the page of the Python API runs, and its tables are those of the code."""

import inspect
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from PIL import Image

from tests.docs.pages import CODE, REFERENCE, tables
from tests.runtime.conftest import decode, draw, write_media
from tsn.runtime import Report, Settings, VideoStyleTransfer

TEXT = (REFERENCE / "python_api.md").read_text(encoding="utf-8")
TABLES = {table.header[0]: table for table in tables(TEXT)}


def rows_of(name: str) -> dict[str, str]:
    """Return for each name in the first column of a table the cell beside it."""
    return {key: row[1] for row in TABLES[name].rows for key in CODE.findall(row[0])}


def test_every_block_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_media(Path("in.mp4"), frames=[draw(index) for index in range(8)])
    Image.fromarray(draw(0, width=80, height=64)).save("starry_night.jpg")
    blocks = [part.split("```")[0] for part in TEXT.split("```python\n")[1:]]
    namespace: dict[str, object] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, "python_api.md", "exec"), namespace)
    assert len(decode(Path("out.mp4"))) == 4
    assert len(decode(Path("mixed.mp4"))) == 4
    printed = capsys.readouterr().out
    assert "4 of 4 frames" in printed
    assert "3 frames" in printed


@pytest.mark.parametrize("function", [VideoStyleTransfer.__init__, VideoStyleTransfer.process_video])
def test_every_parameter_is_in_its_table(function: object) -> None:
    name = "VideoStyleTransfer" if function is VideoStyleTransfer.__init__ else "process_video"
    assert list(rows_of(name)) == list(inspect.signature(function).parameters)[1:]  # type: ignore[arg-type]


def test_every_setting_is_there_with_its_default() -> None:
    stated = rows_of("Settings")
    assert list(stated) == [field.name for field in fields(Settings)]
    for field in fields(Settings):
        assert field.default is not MISSING
        assert stated[field.name] == str(field.default), field.name


def test_everything_that_a_report_says_is_there() -> None:
    properties = {name for name, value in vars(Report).items() if isinstance(value, property)}
    assert set(rows_of("Report")) == {field.name for field in fields(Report)} | properties
