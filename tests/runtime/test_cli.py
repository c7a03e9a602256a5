"""tsn-run from the outside: what it writes, what it says, how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tsn.runtime import Settings, VideoStyleTransfer
from tsn.runtime.errors import InputError

Call = Callable[..., Any]

needs_proc = pytest.mark.skipif(not Path("/proc").exists(), reason="there is no /proc")


@pytest.fixture
def clip(write_video: Call, tmp_path: Path) -> Path:
    return write_video(tmp_path / "in.mp4", audio=["aac"])


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_video_is_written_beside_the_input_under_the_name_of_the_style(
    run: Call, tiny_bundle: Path, clip: Path, frames_of: Call
) -> None:
    ended = run(tiny_bundle, clip, "--style", "stripes")
    assert ended.code == 0, ended.err
    assert len(frames_of(clip.with_name("in_stripes.mp4"))) == 8
    assert leftovers(clip.parent) == ["in.mp4", "in_stripes.mp4"]


def test_json_is_one_document_on_stdout_and_everything_else_is_on_stderr(
    run: Call, tiny_bundle: Path, clip: Path
) -> None:
    ended = run(tiny_bundle, clip, "--style", "stripes", "--size", "32x24", "--json")
    report = json.loads(ended.out)
    assert report["frames"] == {"in": 8, "out": 8, "missing": 0, "damaged": 0}
    assert report["output"] == str(clip.with_name("in_stripes.mp4"))
    assert (report["input_size"], report["output_size"]) == ("64x48", "32x24")
    assert set(report["seconds"]) == {"load", "decode", "stylize", "blend", "encode", "wall"}
    assert "8 of 8 frames" in ended.err
    assert "\x1b" not in ended.err


def test_quiet_says_nothing(run: Call, tiny_bundle: Path, clip: Path) -> None:
    ended = run(tiny_bundle, clip, "--style", "stripes", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_the_styles_of_a_bundle_are_listed_one_a_line(run: Call, tiny_bundle: Path) -> None:
    assert run(tiny_bundle, "--list-styles").out.split() == ["noise", "stripes"]


def test_the_backends_are_listed_with_what_drives_them(run: Call) -> None:
    assert run("--list-backends").out.startswith("cpu: ONNX Runtime")


def test_a_mix_lies_between_its_styles(run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call) -> None:
    Image.fromarray(drawn(0)).save(tmp_path / "in.png")

    def styled(name: str, *styles: str) -> np.ndarray:
        words = [word for style in styles for word in ("--style", style)]
        assert run(tiny_bundle, tmp_path / "in.png", *words, "-o", tmp_path / name).code == 0
        return np.asarray(Image.open(tmp_path / name)).astype(float)

    one, other = styled("one.png", "stripes"), styled("other.png", "noise")
    near, far = styled("near.png", "stripes:0.9", "noise:0.1"), styled("far.png", "stripes:1", "noise:9")
    assert np.abs(near - one).mean() < np.abs(near - other).mean()
    assert np.abs(far - other).mean() < np.abs(far - one).mean()


def test_a_style_picture_gives_what_the_named_style_of_it_gives(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call
) -> None:
    y, x = np.mgrid[0:64, 0:80]
    stripes = np.stack([x * 3, y * 3, (x + y) % 16 * 15], axis=-1).astype(np.uint8)  # as the bundle was made with
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    Image.fromarray(drawn(0)).save(tmp_path / "in.png")
    run(tiny_bundle, tmp_path / "in.png", "--style", "stripes", "-o", tmp_path / "named.png")
    run(tiny_bundle, tmp_path / "in.png", "--style", tmp_path / "stripes.png", "-o", tmp_path / "file.png")
    named, file = (np.asarray(Image.open(tmp_path / name)).astype(int) for name in ("named.png", "file.png"))
    assert np.abs(named - file).max() <= 1


def test_preserved_colour_keeps_the_chroma_of_the_content(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call
) -> None:
    content = drawn(0)
    Image.fromarray(content).save(tmp_path / "in.png")
    run(tiny_bundle, tmp_path / "in.png", "-s", "noise", "--preserve-color", "-o", tmp_path / "kept.png")
    run(tiny_bundle, tmp_path / "in.png", "-s", "noise", "-o", tmp_path / "lost.png")

    def chroma_error(name: str) -> float:
        picture = np.asarray(Image.open(tmp_path / name)).astype(float)
        chroma, expected = picture[..., 0] - picture[..., 2], content[..., 0].astype(float) - content[..., 2]
        return float(np.abs(chroma - expected).mean())

    assert chroma_error("kept.png") < chroma_error("lost.png") / 2


def test_a_folder_of_pictures_becomes_a_folder_of_pictures(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, name in enumerate(("a.png", "b.jpg", "c.webp")):
        Image.fromarray(drawn(index, width=40 + index, height=33)).save(folder / name)
    (folder / "notes.txt").write_text("not a picture")
    ended = run(tiny_bundle, folder, "--style", "stripes", "--json")
    assert ended.code == 0, ended.err
    assert leftovers(tmp_path / "photos_stripes") == ["a.png", "b.jpg", "c.webp"]
    assert Image.open(tmp_path / "photos_stripes" / "c.webp").size == (42, 33)
    assert json.loads(ended.out)["frames"]["out"] == 3


def test_a_damaged_picture_in_a_folder_is_passed_over_and_the_run_ends_with_7(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(drawn(0)).save(folder / "a.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:200])
    ended = run(tiny_bundle, folder, "--style", "stripes")
    assert ended.code == 7
    assert "b.png" in ended.err
    assert leftovers(tmp_path / "photos_stripes") == ["a.png"]


def test_a_damaged_video_is_written_as_far_as_it_goes_and_the_run_ends_with_7(
    run: Call, tiny_bundle: Path, write_video: Call, drawn: Call, frames_of: Call, tmp_path: Path
) -> None:
    source = write_video(tmp_path / "in.mkv", frames=[drawn(index, width=160, height=120) for index in range(40)])
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    ended = run(tiny_bundle, source, "--style", "stripes")
    assert ended.code == 7
    assert "frames are missing" in ended.err
    assert 5 < len(frames_of(tmp_path / "in_stripes.mkv")) < 40


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--style", "stripes", "--alpha", "1.5"], 2, "alpha is 1.5"),
        (["--style", "stripes", "--size", "wide"], 2, "'wide' is not a size"),
        (["--style", "stripes", "--start", "soon"], 2, "no time"),
        (["--style", "stripes", "--start", "1e30"], 2, "no time"),
        (["--style", "stripes", "--size", "²p"], 2, "is not a size"),
        (["--style", "stripes", "--size", "99999p"], 2, "too large"),
        (["--style", "stripes", "-o", "x" * 260 + ".mp4"], 5, "too long"),
        (["--style", "stripes:-1"], 2, "must be above 0"),
        (["--style", "stripes:nan"], 2, "must be above 0"),
        (["--style", "stripes:1e308", "--style", "noise:1e308"], 2, "at most 1,000,000"),
        (["--style", "stripes", "--codec", "vp9", "-o", "out.mov"], 2, "hold no vp9"),
        (["--style", "stripes", "-o", "out.xyz"], 2, "no suffix of a video"),
        ([], 2, "no style is given"),
        (["--style", "stripes", "--backend", "abacus"], 3, "there is no backend 'abacus'"),
        (["--style", "strpes"], 4, "Did you mean stripes?"),
        (["--style", "stripes", "--start", "9"], 4, "0.32 s long"),
        (["--style", "stripes", "--size", "4x4"], 4, "too small"),
        (["--style", "stripes", "-o", "missing/out.mp4"], 5, "does not exist"),
        pytest.param(["--style", "stripes", "-o", "/proc/out.mp4"], 5, "cannot", marks=needs_proc),
        (["--style", "stripes", "-o", "in.mp4", "--overwrite"], 5, "is the input itself"),
    ],
)
def test_a_mistake_gets_one_line_and_leaves_nothing(
    run: Call,
    tiny_bundle: Path,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(clip.parent)
    before = clip.read_bytes()
    ended = run(tiny_bundle, "in.mp4", *words)
    assert ended.code == code, ended.err
    assert says in ended.err
    assert "Traceback" not in ended.err
    assert leftovers(clip.parent) == ["in.mp4"]
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.mp4", None, "there is no file or folder"),
        ("text.mp4", b"not a video", "is no video"),
        ("empty.mp4", b"", "is no video"),
        ("text.png", b"not a picture", "is not a picture"),
    ],
)
def test_an_input_that_cannot_be_used_ends_with_4(
    run: Call, tiny_bundle: Path, tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    ended = run(tiny_bundle, tmp_path / name, "--style", "stripes")
    assert ended.code == 4
    assert says in ended.err
    assert "Traceback" not in ended.err
    assert leftovers(tmp_path) == ([] if content is None else [name])


def test_an_output_that_exists_is_kept_unless_overwrite_is_given(run: Call, tiny_bundle: Path, clip: Path) -> None:
    target = clip.with_name("out.mp4")
    target.write_text("precious")
    ended = run(tiny_bundle, clip, "--style", "stripes", "-o", target)
    assert (ended.code, target.read_text()) == (5, "precious")
    assert "--overwrite" in ended.err
    assert run(tiny_bundle, clip, "--style", "stripes", "-o", target, "--overwrite").code == 0
    assert target.stat().st_size > 1000


@pytest.mark.parametrize("missing", [True, False])
def test_an_output_that_ends_in_a_slash_is_a_folder_and_made_if_it_is_not_there(
    run: Call, tiny_bundle: Path, clip: Path, drawn: Call, missing: bool
) -> None:
    Image.fromarray(drawn(0)).save(clip.with_name("in.png"))
    for name in ("in.mp4", "in.png"):
        folder = clip.with_name(f"out of {name}")
        if not missing:
            folder.mkdir()
        ended = run(tiny_bundle, clip.with_name(name), "--style", "stripes", "-o", f"{folder}/")
        assert ended.code == 0, ended.err
        assert leftovers(folder) == [name.replace("in", "in_stripes")]


def test_a_folder_made_for_an_output_is_gone_again_after_a_mistake(run: Call, tiny_bundle: Path, clip: Path) -> None:
    for mistake in (["--style", "strpes"], ["--style", "stripes", "--size", "4x4"]):
        assert run(tiny_bundle, clip, "-o", f"{clip.parent}/new/", *mistake).code == 4
        assert leftovers(clip.parent) == ["in.mp4"]
    deep = run(tiny_bundle, clip, "--style", "stripes", "-o", f"{clip.parent}/a/b/")
    assert (deep.code, leftovers(clip.parent)) == (5, ["in.mp4"])
    assert f"mkdir -p '{clip.parent}/a'" in deep.err
    file = run(tiny_bundle, clip, "--style", "stripes", "-o", f"{clip}/", "--overwrite")
    assert file.code == 5
    assert "is no folder" in file.err


def test_from_python_too_a_slash_at_the_end_makes_a_folder(tiny_bundle: Path, clip: Path) -> None:
    report = VideoStyleTransfer(tiny_bundle).process_video(clip, "stripes", f"{clip.parent}/new/")
    assert report.output == clip.parent / "new" / "in_stripes.mp4"
    assert report.output.is_file()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--codec", "hevc"], 2, "codec is for videos, and this is a picture. Leave --codec out"),
        (["--decoder", "nvdec"], 2, "decoder nvdec is for videos"),
        (["--temporal"], 0, "pictures are stylized one by one: temporal stability is for videos"),
        (["--max-frames", "3"], 0, "max_frames 3 does nothing: there is one picture"),
    ],
)
def test_an_option_that_does_nothing_for_a_picture_is_refused_or_noted(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call, words: list[str], code: int, says: str
) -> None:
    Image.fromarray(drawn(0)).save(tmp_path / "in.png")
    ended = run(tiny_bundle, tmp_path / "in.png", "--style", "stripes", *words)
    assert ended.code == code
    assert says in ended.err
    assert leftovers(tmp_path) == (["in.png"] if code else ["in.png", "in_stripes.png"])


@pytest.mark.parametrize(
    "words", [["lite", "URL"], ["URL", "in.mp4"], ["lite", "in.mp4", "-s", "URL"], ["lite", "in.mp4", "-o", "URL"]]
)
def test_a_url_is_printed_whole_and_not_taken_for_a_path(
    run: Call, clip: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(clip.parent)
    url = "http://host//x.mp4"
    style = [] if "-s" in words else ["-s", "mosaic"]
    ended = run(*(word.replace("URL", url) for word in words), *style)
    assert ended.code == 4
    assert ended.err.startswith(f"tsn-run: {url} is a URL: so far only files on this machine are read and written. ")
    with pytest.raises(InputError, match=f"{url} is a URL"):
        VideoStyleTransfer("lite").process_video(url, "mosaic")
    assert leftovers(clip.parent) == ["in.mp4"]


def test_what_is_listed_is_a_document_with_json(run: Call, tiny_bundle: Path) -> None:
    assert json.loads(run(tiny_bundle, "--list-styles", "--json").out) == {"styles": ["noise", "stripes"]}
    backends = json.loads(run("--list-backends", "--json").out)["backends"]
    assert backends["cpu"].startswith("ONNX Runtime")
    assert {"cuda", "tensorrt", "tensorrt-rtx"} < set(backends)


def test_a_name_with_a_colon_is_a_file_and_no_protocol(
    run: Call, tiny_bundle: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clip.parent)
    clip.rename("a:b.mp4")
    ended = run(tiny_bundle, "a:b.mp4", "--style", "stripes", "-o", "c:d.mp4")
    assert ended.code == 0, ended.err
    assert leftovers(clip.parent) == ["a:b.mp4", "c:d.mp4"]


def test_a_mix_of_many_styles_still_gets_a_name(run: Call, tiny_bundle: Path, clip: Path) -> None:
    ended = run(tiny_bundle, clip, *["--style", "stripes"] * 60)
    assert ended.code == 0, ended.err
    assert len(leftovers(clip.parent)) == 2


@needs_proc
@pytest.mark.parametrize("target", ["/proc/pictures", "/dev/null"])
def test_a_folder_that_cannot_be_made_ends_with_5(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call, target: str
) -> None:
    Image.fromarray(drawn(0)).save(tmp_path / "a.png")
    ended = run(tiny_bundle, tmp_path, "--style", "stripes", "-o", target)
    assert ended.code == 5
    assert "Traceback" not in ended.err


def test_from_python_the_settings_say_alpha_unless_the_call_does(
    tiny_bundle: Path, tmp_path: Path, drawn: Call
) -> None:
    Image.fromarray(drawn(0)).save(tmp_path / "in.png")
    transfer = VideoStyleTransfer(tiny_bundle)

    def styled(name: str, **how: Any) -> np.ndarray:
        transfer.process_video(tmp_path / "in.png", "noise", tmp_path / name, **how)
        return np.asarray(Image.open(tmp_path / name))

    half = styled("half.png", settings=Settings(alpha=0.5))
    assert (half == styled("call.png", alpha=0.5)).all()
    assert (half != styled("full.png")).any()


@pytest.mark.parametrize("words", [["lite", ""], ["", "in.mp4"], ["lite", "in.mp4", "-o", ""]])
def test_an_empty_word_is_not_the_current_folder(
    run: Call, clip: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(clip.parent)
    ended = run(*words, "--style", "mosaic")
    assert ended.code == 2
    assert leftovers(clip.parent) == ["in.mp4"]


@pytest.mark.posix
def test_a_link_back_to_an_input_picture_is_not_written_through(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call
) -> None:
    photos, links = tmp_path / "photos", tmp_path / "links"
    photos.mkdir()
    links.mkdir()
    Image.fromarray(drawn(0)).save(photos / "a.png")
    (links / "a.png").symlink_to(photos / "a.png")
    before = (photos / "a.png").read_bytes()
    ended = run(tiny_bundle, photos, "--style", "stripes", "-o", links, "--overwrite")
    assert ended.code == 5
    assert "one of the inputs itself" in ended.err
    assert (photos / "a.png").read_bytes() == before


@pytest.mark.parametrize("words", [["--threads", "100000"], ["--start", "1e99999999"], ["--duration", "1" * 60]])
def test_absurd_numbers_are_refused_at_once(run: Call, tiny_bundle: Path, clip: Path, words: list[str]) -> None:
    ended = run(tiny_bundle, clip, "--style", "stripes", *words)
    assert ended.code == 2
    assert leftovers(clip.parent) == ["in.mp4"]


def test_a_name_that_no_file_can_have_is_one_line(run: Call, tiny_bundle: Path, clip: Path) -> None:
    for words in ([tiny_bundle, "x" * 300], [tiny_bundle, clip, "--style", "x" * 300], ["x" * 300, clip]):
        ended = run(*words)
        assert ended.code in (2, 4, 6)
        assert "Traceback" not in ended.err


def test_a_wrong_option_is_one_line_that_says_where_to_look(run: Call) -> None:
    ended = run("lite", "in.mp4", "--flows")
    assert ended.code == 2
    assert ended.err.startswith("tsn-run: No such option '--flows'")
    assert ended.err.endswith(" See tsn-run --help\n")
    assert ended.err.count("\n") == 1


def test_no_words_at_all_show_how_to_call_it(run: Call) -> None:
    ended = run()
    assert ended.code == 2
    assert "tsn-run lite in.mp4" in ended.err


@pytest.mark.slow
def test_the_published_weights_style_a_real_clip_and_keep_its_sound(
    run: Call, real_data: Path, tmp_path: Path, frames_of: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsn.export.cli import main as export

    weights = real_data / "weights"
    words = [
        "tsn-export",
        f"--encoder={weights / 'vgg19_normalised_to_relu4_1.pth'}",
        f"--decoder={weights / 'adain_decoder_relu4_1.pth'}",
        f"--style=starry={real_data / 'styles' / 'vangogh_starry_night_1889.jpg'}",
        f"-o{tmp_path / 'bundle'}",
    ]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as exported:
        export()
    assert exported.value.code == 0
    clip = real_data / "videos" / "big_buck_bunny_480p_30s.mp4"
    target = tmp_path / "out.mp4"
    cut = ("--size", "160x90", "--start", 4, "--max-frames", 4)
    ended = run(tmp_path / "bundle", clip, "--style", "starry", *cut, "-o", target)
    assert ended.code == 0, ended.err
    pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in frames_of(target)])
    assert pictures.shape == (4, 90, 160, 3)
    assert pictures.std() > 20  # a picture, not a flat field


def test_pictures_of_any_suffix_are_taken_for_what_is_in_them(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call
) -> None:
    for name, kind in (("a.jfif", "JPEG"), ("b.mp4", "PNG"), ("c.gif", "GIF"), ("d.pgm", "PPM")):
        Image.fromarray(drawn(0)).save(tmp_path / name, format=kind)
    for name, out in (("a", "a_noise.jfif"), ("c", "c_noise.gif"), ("d", "d_noise.png")):
        [source] = tmp_path.glob(f"{name}.*")
        assert run(tiny_bundle, source, "-s", "noise").code == 0
        assert Image.open(tmp_path / out).size == (64, 48)
    assert run(tiny_bundle, tmp_path / "b.mp4", "-s", "noise", "-o", tmp_path / "b.avif").code == 0
    assert Image.open(tmp_path / "b.avif").size == (64, 48)


@pytest.mark.parametrize("kind", ["gif", "png", "avif", "webp"])
def test_an_animation_is_a_video(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call, frames_of: Call, kind: str
) -> None:
    pictures = [Image.fromarray(drawn(index)) for index in range(4)]
    source, milliseconds = tmp_path / f"in.{kind}", [40, 80, 200, 120]
    pictures[0].save(source, save_all=True, append_images=pictures[1:], duration=milliseconds)
    assert run(tiny_bundle, source, "-s", "noise", "-o", tmp_path / "out.mp4").code == 0
    times = [float(frame.pts * frame.time_base) for frame in frames_of(tmp_path / "out.mp4")]
    assert times == pytest.approx([0, 0.04, 0.12, 0.32], abs=0.001)


def test_a_picture_keeps_its_copyright_and_resolution(
    run: Call, tiny_bundle: Path, tmp_path: Path, drawn: Call
) -> None:
    exif = Image.Exif()
    exif[0x8298], exif[0x0112] = "(c) Somebody", 2  # copyright; mirrored
    Image.fromarray(drawn(0)).save(tmp_path / "in.jpg", exif=exif, dpi=(300, 300))
    assert run(tiny_bundle, tmp_path / "in.jpg", "-s", "noise").code == 0
    with Image.open(tmp_path / "in_noise.jpg") as image:
        assert image.getexif()[0x8298] == "(c) Somebody"
        assert 0x0112 not in image.getexif()
        assert image.info["dpi"] == (300, 300)
