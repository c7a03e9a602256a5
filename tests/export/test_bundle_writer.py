"""Bundles are written whole or not at all."""

from pathlib import Path

from tsn.runtime.bundle import open_bundle


def test_a_bundle_holds_networks_that_match_their_checksums_and_the_named_styles(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    assert {bundle.network(name).name for name in ("style", "stylize")} == {"style.onnx", "stylize.onnx"}
    assert set(bundle.manifest.styles) == {"stripes", "noise"}
    assert sorted(path.name for path in tiny_bundle.iterdir()) == ["manifest.json", "style.onnx", "stylize.onnx"]
