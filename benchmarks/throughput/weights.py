"""Which weights in PyTorch's format belong to a bundle: the eager rows run the networks before their export."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tsn.runtime.bundle.folder import sha256
from tsn.runtime.bundle.manifest import Manifest
from tsn.runtime.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFiles:
    """The files that one export was made from: a checkpoint, or a decoder with or without an encoder."""

    checkpoint: Path | None = None
    encoder: Path | None = None
    decoder: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """The file of each half that is given."""
        if self.checkpoint is not None:
            return {"encoder": self.checkpoint, "decoder": self.checkpoint}
        halves = {"encoder": self.encoder, "decoder": self.decoder}
        return {half: path for half, path in halves.items() if path is not None}


def given_weights(*, checkpoints: Sequence[Path], encoder: Path | None, decoder: Path | None) -> list[WeightFiles]:
    """The weights that the command line names. Raises InputError for a file that is not there."""
    given = [WeightFiles(checkpoint=checkpoint) for checkpoint in checkpoints]
    if decoder is not None:
        given.append(WeightFiles(encoder=encoder, decoder=decoder))
    elif encoder is not None:
        raise InputError(f"--encoder {encoder} alone is half a network. Give --decoder too")
    for weights in given:
        for path in weights.files.values():
            if not path.is_file():
                raise InputError(f"there is no file {path}")
    return given


def weights_of(manifest: Manifest, given: Sequence[WeightFiles]) -> WeightFiles | str:
    """The weights that a bundle was exported from, told by their checksums; or why there are none."""
    for weights in given:
        if all(manifest.sources.get(half, "").endswith(sha256(path)) for half, path in weights.files.items()):
            return weights
    if not given:
        return "needs the weights in PyTorch's format: --checkpoint FILE, or --decoder FILE and --encoder FILE"
    sources = ", ".join(f"{half}: {_shortened(source)}" for half, source in manifest.sources.items())
    return f"the given weights are not those of this bundle ({sources or 'its manifest names none'})"


def _shortened(source: str) -> str:
    name, _, digest = source.rpartition(" ")
    return f"{name} {digest[:12]}…" if name and len(digest) == 64 else source
