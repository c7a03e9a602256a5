"""Files of torch.save: what loads, and what a bad one says."""

import os
import pickle
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tsn.runtime.errors import InputError
from tsn.train.networks.torch_file import read_torch_file


class Trap:
    """An object that creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.mkdir, (str(self.mark), 0o777)


def test_tensors_come_back_as_they_were_saved(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(3.0)}, tmp_path / "a.pth")
    assert torch.equal(read_torch_file(tmp_path / "a.pth", expected="a")["a"], torch.arange(3.0))


def test_files_of_the_old_format_load(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(read_torch_file(tmp_path / "a.pth", expected="a")["a"], torch.ones(2))


@pytest.mark.parametrize("inside_zip", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path: Path, inside_zip: bool) -> None:
    file, mark = tmp_path / "trap.pth", tmp_path / "mark"
    if inside_zip:
        torch.save({"a": Trap(mark)}, file)
    else:
        file.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(InputError, match=r"trap\.pth is no file of weights"):
        read_torch_file(file, expected="a")
    assert not mark.exists()
    if inside_zip:  # the trap works where it is let in
        torch.load(file, weights_only=False)
        assert mark.exists()


def test_a_whole_pickled_module_is_refused_with_the_cure(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    with pytest.raises(InputError, match=r"linear\.Linear.*state_dict"):
        read_torch_file(tmp_path / "module.pth", expected="a")


@pytest.mark.parametrize("old_format", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_cut_file_is_refused(tmp_path: Path, share: float, old_format: bool) -> None:
    file = tmp_path / "cut.pth"
    torch.save({"a": torch.rand(5000)}, file, _use_new_zipfile_serialization=not old_format)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"cut\.pth is no file of weights.*empty|torch\.save did not write it"):
        read_torch_file(file, expected="a")


def test_a_flipped_bit_is_found_by_the_checksum_that_torch_does_not_look_at(tmp_path: Path) -> None:
    file = tmp_path / "flipped.pth"
    torch.save({"a": torch.zeros(5000)}, file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    assert torch.load(file, weights_only=True)["a"].any()
    with pytest.raises(InputError, match=r"flipped\.pth is damaged: the checksum of flipped/data/0"):
        read_torch_file(file, expected="a")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["sparse", "compressed", "quantised", "nested", "meta"])
def test_tensors_that_no_network_can_be_loaded_from_are_refused(tmp_path: Path, form: str) -> None:
    plain = torch.eye(3)
    odd = {
        "sparse": plain.to_sparse,
        "compressed": plain.to_sparse_csr,
        "quantised": lambda: torch.quantize_per_tensor(plain, 0.1, 0, torch.qint8),
        "nested": lambda: torch.nested.nested_tensor([plain, plain[:2]]),
        "meta": lambda: plain.to("meta"),
    }[form]()
    torch.save({"model": [plain, {"a": odd}]}, tmp_path / "odd.pth")
    with pytest.raises(InputError, match=r"odd\.pth holds a (sparse|tensor without values)"):
        read_torch_file(tmp_path / "odd.pth", expected="a")


def test_a_file_that_holds_itself_is_refused(tmp_path: Path) -> None:
    loop: list[object] = []
    loop.append(loop)
    torch.save(loop, tmp_path / "loop.pth")
    with pytest.raises(InputError, match="no file of weights"):
        read_torch_file(tmp_path / "loop.pth", expected="a")


def test_a_text_file_is_refused_and_the_line_says_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "notes.pth").write_text("these are no weights\n")
    with pytest.raises(InputError, match="Expected: a decoder"):
        read_torch_file(tmp_path / "notes.pth", expected="a decoder")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path, said in ((tmp_path, f"{tmp_path} is a folder"), (tmp_path / "missing.pth", "there is no file")):
        with pytest.raises(InputError, match=said):
            read_torch_file(path, expected="a")


@pytest.mark.posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.pth"
    torch.save({}, file)
    file.chmod(0)
    with pytest.raises(InputError, match="cannot be read"):
        read_torch_file(file, expected="a")
