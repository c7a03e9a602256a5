"""The folder map in setup.cfg names every package, so that the wheel holds what an editable install finds."""

from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_every_folder_with_modules_or_configs_is_in_the_map() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    packages = config["options"]["packages"].split()
    places = dict(line.split(" = ") for line in config["options"]["package_dir"].strip().splitlines())
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("train", "export", "runtime", "benchmarks", "configs")
        for path in (ROOT / top).rglob("*.yaml" if top == "configs" else "*.py")
    }
    assert {places[package] for package in packages} == folders
    assert set(places) == set(packages)
    assert all(package == "tsn." + places[package].replace("/", ".") for package in packages)


def test_every_config_is_in_the_wheel() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    pattern = config["options.package_data"]["tsn.configs"].strip()
    assert sorted((ROOT / "configs").glob(pattern)) == sorted((ROOT / "configs").iterdir())


@pytest.mark.posix
def test_the_typing_link_leads_to_the_root() -> None:
    assert (ROOT / ".typing" / "tsn").resolve() == ROOT.resolve()
