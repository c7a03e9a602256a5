"""What a file says of itself and of its tracks, carried from the input to the output."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from av.container import InputContainer
from av.stream import Stream

TIMECODE: Final = "tmcd"  # what QuickTime calls the codec of a timecode track
# Not of its content, or of all of it alone.
_OF_THE_FILE: Final = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "timecode"})
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
    """The options of a container that make it hold `tags`, and such that it can be played while it is loaded.

    MP4 and MOV have a form that every player reads, for the usual tags, and one for any tag. FFmpeg writes either.
    """
    plain = _PLAIN.get(path.suffix.lower())
    if plain is None:
        return {}
    return {"movflags": "+faststart" if plain.issuperset(tags) else "+faststart+use_metadata_tags"}


def timecode_of(container: InputContainer, film: Stream) -> dict[str, str]:
    """The tag of the first frame's timecode, of the file or of the film; none where there is no timecode."""
    timecode = film.metadata.get("timecode") or container.metadata.get("timecode")
    return {"timecode": timecode} if timecode else {}


def carry_track_tags(source: Stream, copy: Stream) -> None:
    """Give a track the language, the title and the disposition of another. MP4 calls the title a name."""
    tags = source.metadata
    carried = {"language": tags.get("language"), "title": tags.get("title") or tags.get("name")}
    copy.metadata.update({key: value for key, value in carried.items() if value})
    copy.disposition = source.disposition
