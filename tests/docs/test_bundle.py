"""The page of the bundle says what the manifest's model and the table of networks say."""

import re
from typing import get_args

import pytest
from pydantic import BaseModel

from tests.docs.pages import CODE, REFERENCE, tables
from tsn.runtime.bundle import manifest
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.interfaces import NETWORKS, NetworkName, TensorType

TABLES = tables((REFERENCE / "bundle.md").read_text(encoding="utf-8"))
MODELS = [model for model in vars(manifest).values() if isinstance(model, type) and issubclass(model, BaseModel)]
SHOWN = [model for model in MODELS if not model.__name__.startswith("_") and model is not BaseModel]


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_every_key_of_the_manifest_is_in_its_table_and_no_other(model: type[BaseModel]) -> None:
    (table,) = [table for table in TABLES if table.header[0] == model.__name__]
    assert [key for row in table.rows for key in CODE.findall(row[0])] == list(model.model_fields)


def test_every_network_has_its_tensors_their_types_and_shapes() -> None:
    (table,) = [table for table in TABLES if table.header == ("network", "inputs", "outputs")]
    rows = {name: row[1:] for row in table.rows for name in row[0].split(", ")}
    assert set(rows) == set(get_args(NetworkName))
    for name, network in NETWORKS.items():
        for stated, tensors in zip(rows[name], (network.inputs, network.outputs), strict=True):
            assert _stated(stated) == {tensor.name: _described(tensor) for tensor in tensors}, name


def test_the_manifest_of_the_bundle_that_ships_has_no_other_keys() -> None:
    document = open_bundle("lite").manifest.model_dump(mode="json")
    (table,) = [table for table in TABLES if table.header[0] == "Manifest"]
    assert {key for row in table.rows for key in CODE.findall(row[0])} == set(document)


def _stated(cell: str) -> dict[str, tuple[str, int]]:
    """Return for each tensor that a cell names its dtype and number of axes; where a dtype is left out, the last."""
    found: dict[str, tuple[str, int]] = {}
    dtype = ""
    for names, kind, shape in re.findall(r"((?:`\w+`(?:, )?)+) (?:(uint8|float32) )?\(([^)]*)\)", cell):
        dtype = kind or dtype
        found |= {name: (dtype, len(shape.split(","))) for name in CODE.findall(names)}
    return found


def _described(tensor: TensorType) -> tuple[str, int]:
    return tensor.dtype, len(tensor.shape)
