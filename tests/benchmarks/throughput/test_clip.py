"""The clip that is measured on."""

from pathlib import Path

from tsn.benchmarks.throughput.clip import MediaAlone, prepare_clip
from tsn.benchmarks.throughput.plan import parse_size


def test_a_given_clip_is_scaled_in_proportion_and_named_by_its_checksum(tmp_path: Path) -> None:
    clip, drawn = prepare_clip(None, parse_size("96x96"), frames=6, folder=tmp_path)
    _, cut = prepare_clip(clip, parse_size("32p"), frames=5, folder=tmp_path)
    assert (drawn.source, drawn.frames, drawn.source_sha256) == ("drawn", 6, None)
    assert (cut.source, cut.source_sha256) == ("96x96.mp4", drawn.sha256)
    assert (cut.width, cut.height, cut.frames) == (32, 32, 5)


def test_decoding_and_encoding_alone_have_a_rate_for_each_turn(tmp_path: Path) -> None:
    clip, drawn = prepare_clip(None, parse_size("64x48"), frames=4, folder=tmp_path)
    alone = MediaAlone(clip, drawn, frames=3, threads=1, folder=tmp_path)
    assert alone.results() == []
    alone.take_turn()
    alone.take_turn()
    found = alone.results()
    assert [(one.part, one.size, len(one.frames_per_second.turns)) for one in found] == [
        ("decode", "64x48", 2), ("encode", "64x48", 2),
    ]  # fmt: skip
    assert all(rate > 0 for one in found for rate in one.frames_per_second.turns)
