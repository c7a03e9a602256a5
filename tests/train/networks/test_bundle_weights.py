"""A bundle as the start of a training."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tsn.runtime.errors import InputError
from tsn.train.loop import Run
from tsn.train.networks import studio
from tsn.train.networks.architectures import ARCHITECTURES
from tsn.train.networks.bundle_weights import is_bundle
from tsn.train.networks.weights import Networks

pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Networks, Path]:
    """Studio networks with random weights, and the bundle that they make."""
    from tsn.export.bundle_writer import new_bundle, write_bundle
    from tsn.export.networks.stylize import style_network, stylize_network

    torch.manual_seed(0)
    encoder, decoder = studio.Encoder().eval(), studio.Decoder().eval()
    with torch.no_grad():
        for parameter in (*encoder.parameters(), *decoder.parameters()):
            parameter.add_(torch.randn_like(parameter) * 0.01)  # the export writes weights that are equal only once
    networks = Networks(architecture=ARCHITECTURES["studio"], encoder=encoder, decoder=decoder)
    folder = tmp_path_factory.mktemp("bundles") / "studio"
    exportables = [style_network(networks, []), stylize_network(networks, [])]
    with new_bundle(folder, overwrite=False) as unfinished:
        write_bundle(unfinished, networks, exportables, name="studio", styles={})
    return networks, folder


def test_a_run_begins_with_the_very_weights_of_a_bundle(
    exported: tuple[Networks, Path], make_run: Callable[..., Run]
) -> None:
    networks, folder = exported
    assert is_bundle(folder)
    run = make_run(architecture="studio", start=folder)
    for before, after in (
        (networks.encoder, run.objective.encoder),
        (networks.decoder, run.objective.decoder),
    ):
        wanted, found = before.state_dict(), after.state_dict()
        assert all(torch.equal(wanted[name], found[name]) for name in wanted)


def test_the_bundle_that_ships_can_be_trained_on(make_run: Callable[..., Run]) -> None:
    run = make_run(architecture="studio", freeze_encoder=True, start=Path("studio"))
    assert float(run.objective.decoder.get_parameter("conditioning.modulation.weight").detach().abs().max()) > 0


def test_a_bundle_of_another_architecture_is_refused(make_run: Callable[..., Run]) -> None:
    assert is_bundle(Path("lite"))
    with pytest.raises(InputError, match=r"holds networks of the architecture 'lite'.*--architecture lite"):
        make_run(architecture="studio", start=Path("lite"))


def test_a_bundle_whose_weights_were_folded_is_refused(make_run: Callable[..., Run]) -> None:
    with pytest.raises(InputError, match="the decoder in lite does not fit this program"):
        make_run(architecture="lite", start=Path("lite"))


def test_other_places_are_no_bundles(tmp_path: Path) -> None:
    assert not is_bundle(tmp_path)
    assert not is_bundle(tmp_path / "missing")
