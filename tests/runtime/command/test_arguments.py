"""Words of tsn-run in the wrong order or number: the message has the line that was meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.command.arguments import check_arguments
from tsn.runtime.errors import BundleError, UsageError

SOME_STYLE = min(open_bundle("lite").manifest.styles)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Callable[..., Any]) -> Path:
    """The current folder, with a folder of pictures and a picture in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("photos/a.png", "photo.jpg"):
        Image.fromarray(drawn(0)).save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    "words", [["lite", "in.mp4"], ["lite", "photos"], ["lite", "gone.xyz"], ["lite", "photo.jpg"], ["lite", "no_style"]]
)
def test_a_bundle_and_something_else_is_no_mistake_of_the_words(words: list[str]) -> None:
    check_arguments(words)


@pytest.mark.parametrize(
    ("words", "says", "meant"),
    [
        (["in.mp4", "lite"], "in.mp4 and lite are swapped: the bundle comes first", f"in.mp4 --style {SOME_STYLE}"),
        (["photos", "lite"], "photos and lite are swapped", f"photos --style {SOME_STYLE}"),
        (["in.mp4", "lite", "mosaic"], "are swapped", "in.mp4 --style mosaic"),
        (["in.mp4"], "in.mp4 is an input, and no bundle is given", f"in.mp4 --style {SOME_STYLE}"),
        (["photos"], "photos is an input, and no bundle is given", f"photos --style {SOME_STYLE}"),
        (["in.mp4", "painting.jpg"], "no bundle is given", "in.mp4 --style painting.jpg"),
        (["in.mp4", "mosaic"], "no bundle is given", "in.mp4 --style mosaic"),
        (["lite"], "no input is given", f"in.mp4 --style {SOME_STYLE}"),
        (["lite", "mosaic"], "mosaic is a style of lite, and no input is given", "in.mp4 --style mosaic"),
        (["lite", "in.mp4", "mosaic"], "a style is given with --style: mosaic", "in.mp4 --style mosaic"),
        (["lite", "painting.jpg", "in.mp4"], "a style is given with --style", "in.mp4 --style painting.jpg"),
        (["lite", "photo.jpg", "painting.jpg"], "a style is given with --style", "photo.jpg --style painting.jpg"),
        (["lite", "in.mp4", "mosaic", "my art.jpg"], "--style: mosaic, my art.jpg", "--style 'my art.jpg'"),
    ],
)  # fmt: skip
def test_the_line_that_was_meant_is_printed(words: list[str], says: str, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_arguments(words)
    assert says in refused.value.reason
    assert refused.value.cure.startswith("Write: tsn-run lite ")
    assert refused.value.cure.endswith(meant)


def test_the_styles_that_were_given_are_in_it() -> None:
    with pytest.raises(UsageError) as refused:
        check_arguments(["in.mp4", "lite"], styles=["waves:0.3", "a.jpg"])
    assert refused.value.cure == "Write: tsn-run lite in.mp4 --style waves:0.3 --style a.jpg"


def test_a_bundle_of_your_own_is_known_by_its_manifest(tiny_bundle: Path) -> None:
    with pytest.raises(UsageError) as refused:
        check_arguments(["in.mp4", str(tiny_bundle)])
    assert refused.value.cure == f"Write: tsn-run {tiny_bundle} in.mp4 --style noise"
    check_arguments([str(tiny_bundle / "stylize.onnx"), "in.mp4"])


def test_several_inputs_are_counted_and_a_few_of_them_named() -> None:
    with pytest.raises(UsageError, match=r"one input, and here are 4: a\.mp4, b\.mp4, c\.mp4 and more$"):
        check_arguments(["lite", "a.mp4", "b.mp4", "c.mp4", "d.mp4"])


def test_a_first_word_that_is_nothing_is_no_bundle() -> None:
    for words in (["lit"], ["lit", "in.mp4"], ["lit", "mosaic"]):
        with pytest.raises(BundleError, match=r"there is no bundle at lit\. Did you mean lite\? "):
            check_arguments(words)


def test_a_bundle_that_lost_its_manifest_is_not_taken_for_an_input(folder: Path) -> None:
    (folder / "starry").mkdir()
    (folder / "starry" / "stylize.onnx").touch()
    for word in ("starry", "starry/stylize.onnx"):
        with pytest.raises(BundleError, match=r"starry/manifest\.json cannot be read"):
            check_arguments([word, "in.mp4"])


def test_tsn_run_says_it_with_exit_code_2_and_in_one_line(run: Callable[..., Any]) -> None:
    ended = run("in.mp4", "lite", "mosaic")
    assert ended.code == 2
    assert ended.err == "tsn-run: in.mp4 and lite are swapped: the bundle comes first. Write: tsn-run lite in.mp4 " \
        "--style mosaic\n"  # fmt: skip
