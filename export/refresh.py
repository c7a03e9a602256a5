"""A bundle of before brought up to date: its networks without weights are written anew, all else stays."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from tsn.export.bundle_writer import exported
from tsn.export.networks.bundle import weightless_networks
from tsn.runtime.bundle.folder import bundle_folder
from tsn.runtime.bundle.manifest import MANIFEST, Manifest
from tsn.runtime.errors import BundleError
from tsn.runtime.files import whole_file
from tsn.runtime.report import Log


def refresh_bundle(place: Path, *, log: Log = lambda line: None) -> Manifest:
    """Write the networks without weights of the bundle at `place` anew and return its manifest. Whole or not at all.

    A network that comes out as it was keeps its engine; the engine of another one goes with it.

    Raises:
        AccuracyError: a network is too far from PyTorch.
        BundleError: there is no bundle, or more of it is out of date than these networks.
        OutputError: it cannot be written to.
    """
    folder = bundle_folder(place)
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        networks = document["networks"]
        entries = {name: dict(entry) for name, entry in networks.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path} is no manifest of a bundle: {error}", cure="Export the bundle again") from error
    with TemporaryDirectory() as made, ExitStack() as stack:
        # Entered first, so renamed last: a manifest never speaks of a network that is not there.
        manifest_file = stack.enter_context(whole_file(path, overwrite=True))
        for exportable in weightless_networks():
            file = Path(made) / f"{exportable.name}.onnx"
            network, before = exported(exportable, file, log), entries.get(exportable.name, {})
            if before.get("sha256") == network.sha256:
                continue
            networks[exportable.name] = network.model_dump(mode="json")
            shutil.copyfile(file, stack.enter_context(whole_file(folder / file.name, overwrite=True)))
            if engine := before.get("engine"):
                log(f"{exportable.name}: {engine['file']} was built from the network of before and is left aside")
        try:
            manifest = Manifest.model_validate_json(json.dumps(document))
        except ValidationError as error:
            what = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise BundleError(f"{path} cannot be brought up to date: {what}", cure="Export the bundle again") from error
        manifest_file.write_text(manifest.document(), encoding="utf-8")
    return manifest
