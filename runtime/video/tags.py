"""What a file says of itself and of its tracks, carried from the input to the output."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from av.stream import Stream

_OF_THE_FILE: Final = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})  # not of its content
_QUICKTIME: Final = frozenset(
    {"album", "artist", "comment", "copyright", "creation_time", "date", "genre", "location", "make", "model", "title"}
)
_ITUNES: Final = (_QUICKTIME - {"make", "model"}) | {
    *("album_artist", "compilation", "composer", "description", "disc", "episode_id", "episode_sort"),
    *("gapless_playback", "grouping", "hd_video", "keywords", "location-eng", "lyrics", "media_type", "network"),
    *("season_number", "show", "synopsis", "track"),
}
_PLAIN: Final[Mapping[str, frozenset[str]]] = {".mov": _QUICKTIME, ".mp4": _ITUNES, ".m4v": _ITUNES}


def file_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """The tags of a file that another with the same content has too."""
    return {key: value for key, value in metadata.items() if key.lower() not in _OF_THE_FILE}


def options_for(path: Path, tags: Mapping[str, str]) -> dict[str, str]:
    """The options of a container that make it hold `tags`.

    MP4 and MOV have a form that every player reads, for the usual tags, and one for any tag. FFmpeg writes either.
    """
    plain = _PLAIN.get(path.suffix.lower())
    return {} if plain is None or plain.issuperset(tags) else {"movflags": "use_metadata_tags"}


def carry_track_tags(source: Stream, copy: Stream) -> None:
    """Give a track the language, the title and the disposition of another. MP4 calls the title a name."""
    tags = source.metadata
    carried = {"language": tags.get("language"), "title": tags.get("title") or tags.get("name")}
    copy.metadata.update({key: value for key, value in carried.items() if value})
    copy.disposition = source.disposition
