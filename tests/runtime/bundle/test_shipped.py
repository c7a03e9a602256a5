"""The bundles that ship: whole, small, with named styles that are what the project draws."""

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from tsn.runtime.bundle.folder import SHIPPED, open_bundle, shipped_bundles
from tsn.runtime.bundle.manifest import MANIFEST


def test_lite_ships_whole_with_a_licence_and_at_least_eight_styles() -> None:
    assert "lite" in shipped_bundles()
    bundle = open_bundle("lite")
    assert bundle.manifest.architecture == "lite"
    assert len(bundle.manifest.styles) >= 8
    for name in bundle.manifest.networks:
        bundle.network(name)  # its checksum is verified
    assert "MIT" in (SHIPPED / "lite" / "LICENSE.txt").read_text()


def test_lite_is_small_and_names_no_place_of_the_machine_that_made_it() -> None:
    files = list((SHIPPED / "lite").iterdir())
    assert sum(path.stat().st_size for path in files) < 8e6
    text = (SHIPPED / "lite" / MANIFEST).read_text()
    assert "/" not in "".join(open_bundle("lite").manifest.sources)
    assert "/work" not in text
    assert "/home" not in text


def test_studio_ships_whole_within_its_size_with_paintings_by_name() -> None:
    bundle = open_bundle("studio")
    assert bundle.manifest.architecture == "studio"
    assert bundle.manifest.channels == 512
    assert {"starry_night", "udnie", "water_lilies", "ink_wash"} <= set(bundle.manifest.styles)
    assert sum(bundle.network(name).stat().st_size for name in ("style", "stylize")) < 16e6
    assert "/" not in "".join(bundle.manifest.sources)
    assert "/work" not in (SHIPPED / "studio" / MANIFEST).read_text()
    assert "CC BY 4.0" in (SHIPPED / "studio" / "LICENSE.txt").read_text()


@pytest.mark.parametrize("name", ["waves", "ember"])
def test_a_named_style_holds_the_statistics_of_the_drawn_picture(name: str) -> None:
    procedural = pytest.importorskip("tsn.train.procedural.styles")
    bundle = open_bundle("lite")
    picture = Image.fromarray(procedural.draw(name)).resize((256, 256), Image.Resampling.LANCZOS)
    session = onnxruntime.InferenceSession(bundle.network("style"), providers=["CPUExecutionProvider"])
    mean, deviation = session.run(["mean", "std"], {"image": np.asarray(picture)[None]})
    kept_mean, kept_deviation = bundle.manifest.styles[name].arrays()
    assert np.allclose(mean, kept_mean, atol=0.01)
    assert np.allclose(deviation, kept_deviation, atol=0.01)


def test_a_style_changes_the_colours_of_a_frame_towards_its_own() -> None:
    bundle = open_bundle("lite")
    session = onnxruntime.InferenceSession(bundle.network("stylize"), providers=["CPUExecutionProvider"])
    rows, columns = np.mgrid[0:90, 0:122]
    frame = np.stack([rows * 2, columns * 2, (rows + columns) % 32 * 7], axis=2).astype(np.uint8)[None]
    found = {}
    for name in ("ember", "waves"):
        mean, deviation = bundle.manifest.styles[name].arrays()
        one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
        inputs = {"frame": frame, "mean": mean, "std": deviation, "strength": one, "preserve_color": none}
        (found[name],) = session.run(["stylized"], inputs)
        assert found[name].shape == frame.shape
    red, _, blue = found["ember"].reshape(-1, 3).mean(0)
    assert red > blue + 20
    red, _, blue = found["waves"].reshape(-1, 3).mean(0)
    assert blue > red + 10
