"""Files and folders appear whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tsn.runtime.errors import InputError, OutputError
from tsn.runtime.files import made_folder, refuse_url, whole_file, whole_folder


def test_a_file_appears_when_the_block_succeeds(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with whole_file(target) as temporary:
        temporary.write_text("done")
        assert not target.exists()
        assert temporary.suffix == ".txt"
    assert target.read_text() == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_block_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")

    def fail() -> None:
        with whole_file(target, overwrite=True) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_is_replaced_as_a_whole_when_it_holds_the_marker(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    for text in ("old", "new"):
        with whole_folder(target, marker="manifest.json", overwrite=True) as temporary:
            (temporary / "manifest.json").write_text(text)
    assert (target / "manifest.json").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "photos"
    target.mkdir()
    (target / "holiday.jpg").write_text("precious")
    with pytest.raises(OutputError, match="is not replaced"), whole_folder(target, marker="m.json", overwrite=True):
        pass
    assert (target / "holiday.jpg").read_text() == "precious"


@pytest.mark.posix
def test_a_link_stays_and_the_file_behind_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "link.txt", tmp_path / "elsewhere" / "out.txt"
    link.symlink_to(target)  # to a file that is not there yet
    for text in ("first", "second"):
        with whole_file(link, overwrite=text == "second") as temporary:
            temporary.write_text(text)
        assert link.is_symlink()
        assert target.read_text() == text
    with pytest.raises(OutputError, match="exists already"), whole_file(link):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["elsewhere", "link.txt", "out.txt"]


@pytest.mark.posix
def test_a_link_to_a_folder_stays_and_the_folder_behind_it_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "link", tmp_path / "elsewhere" / "bundle"
    link.symlink_to(target)
    for text in ("old", "new"):
        with whole_folder(link, marker="manifest.json", overwrite=True) as temporary:
            (temporary / "manifest.json").write_text(text)
    assert link.is_symlink()
    assert (target / "manifest.json").read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bundle", "elsewhere", "link", "manifest.json"]


@pytest.mark.posix
def test_a_link_into_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(tmp_path / "gone" / "out.txt")
    with pytest.raises(OutputError, match="gone does not exist"), whole_file(tmp_path / "link.txt"):
        pass


@pytest.mark.posix
def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    for block in (whole_file(tmp_path / ("x" * 300)), whole_folder(tmp_path / ("x" * 300), marker="m.json")):
        with pytest.raises(OutputError, match="File name too long"), block:
            pass


@pytest.mark.posix
def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="a device or a pipe"), whole_file(tmp_path / "pipe", overwrite=True):
        pass


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "bundle"
    with whole_folder(target, marker="m.json") as temporary:
        (temporary / "m.json").write_text("old")
    rename = Path.rename

    def interrupted(self: Path, to: Path) -> Path:
        if self.suffix == ".part":
            raise KeyboardInterrupt
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", interrupted)

    def replace() -> None:
        with whole_folder(target, marker="m.json", overwrite=True) as temporary:
            (temporary / "m.json").write_text("new")

    with pytest.raises(KeyboardInterrupt):
        replace()
    assert (target / "m.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_an_existing_target_and_a_missing_folder_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "there.txt").touch()
    with pytest.raises(OutputError, match="exists already"), whole_file(tmp_path / "there.txt"):
        pass
    with pytest.raises(OutputError, match="does not exist"), whole_file(tmp_path / "no" / "out.txt"):
        pass


def test_a_folder_is_made_and_taken_away_again_only_where_it_was_made_and_stayed_empty(tmp_path: Path) -> None:
    def fail(folder: Path, *, leave: bool) -> None:
        with made_folder(folder):
            if leave:
                (folder / "kept").touch()
            raise ValueError

    (tmp_path / "there").mkdir()
    for name, leave in (("new", False), ("there", False), ("full", True)):
        with pytest.raises(ValueError):  # noqa: PT011
            fail(tmp_path / name, leave=leave)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "there"]
    with made_folder(tmp_path / "new"):
        pass
    assert (tmp_path / "new").is_dir()


def test_a_folder_whose_place_is_missing_or_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, says in ((tmp_path / "a" / "b", "a does not exist"), (tmp_path / "file", "file is no folder")):
        with pytest.raises(OutputError, match=says), made_folder(path):
            pass


def test_a_url_is_no_path_and_a_drive_or_a_colon_is_no_url() -> None:
    for text in ("http://host//x.mp4", "rtsp://camera", "s3://bucket/x"):
        with pytest.raises(InputError, match=text):
            refuse_url(text)
    for text in ("C://x.mp4", "a:b.mp4", "a//b.mp4", "file:x"):
        refuse_url(text)


def write_beside_another(target: Path) -> None:
    with whole_file(target) as temporary:
        temporary.write_text("ours")
        target.write_text("theirs")


def test_a_file_that_appears_meanwhile_is_not_replaced_and_the_result_is_kept_beside_it(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"appeared.*out\.part\.txt"):
        write_beside_another(tmp_path / "out.txt")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "out.txt": "theirs",
        "out.part.txt": "ours",
    }


def test_nothing_is_replaced_on_a_file_system_without_hard_links_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, other: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with whole_file(tmp_path / "new.txt") as temporary:
        temporary.write_text("ours")
    assert (tmp_path / "new.txt").read_text() == "ours"
    with pytest.raises(OutputError, match="appeared"):
        write_beside_another(tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "theirs"


LOCKS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks of this kind")


@LOCKS
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_run_into_one_file_is_refused_while_the_first_writes_it(tmp_path: Path, overwrite: bool) -> None:
    with whole_file(tmp_path / "out.txt", overwrite=overwrite) as temporary:
        temporary.write_text("first")
        second = whole_file(tmp_path / "out.txt", overwrite=overwrite)
        with pytest.raises(OutputError, match="is being written by another run"), second:
            pass
        with whole_file(tmp_path / ("x" * 60 + "1.txt")), whole_file(tmp_path / ("x" * 60 + "2.txt")):
            pass  # names that begin alike are not the same
    assert (tmp_path / "out.txt").read_text() == "first"


@LOCKS
def test_what_a_killed_run_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from tsn.runtime.files import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half of it, and more than the next run writes')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "out.txt")], check=False)
    [left] = tmp_path.iterdir()
    assert left.name.endswith(".part.txt")
    with whole_file(tmp_path / "out.txt") as temporary:
        assert temporary.read_bytes() == b""
        temporary.write_text("done")
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
    assert (tmp_path / "out.txt").read_text() == "done"


def test_a_file_is_written_where_files_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsn.runtime.claims._FCNTL", None)
    with whole_file(tmp_path / "out.txt") as temporary:
        temporary.write_text("done")
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
