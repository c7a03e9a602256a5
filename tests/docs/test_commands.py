"""Command lines that the pages print are command lines that the program takes."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

pytest.importorskip("torch")

from tests.docs.pages import CODE, PAGES, REFERENCE, ROOT, Table, commands, name_of, tables, without_code
from tsn.benchmarks.quality.cli import command as tsn_evaluate
from tsn.benchmarks.throughput.cli import command as tsn_bench
from tsn.export.cli import command as tsn_export
from tsn.runtime.cli import tsn_doctor, tsn_run
from tsn.train.cli import command as tsn_train
from tsn.train.config import Config

COMMANDS: Mapping[str, click.Command] = {
    "tsn-run": tsn_run,
    "tsn-doctor": tsn_doctor,
    "tsn-export": tsn_export,
    "tsn-train": tsn_train,
    "tsn-evaluate": tsn_evaluate,
    "tsn-bench": tsn_bench,
}
PLACEHOLDERS = ("[", "...", "|")  # of a form such as `tsn-run BUNDLE INPUT [options]`
FOREIGN = {  # options of containers, torchrun and polygraphy, and of this project's other modules
    "--cache",
    "--clip",
    "--cuda",
    "--gpus",
    "--nproc-per-node",
    "--only",
    "--photos",
    "--trt",
    "--validate",
}
OTHERS = ("pip ", "polygraphy ", "ffmpeg ", "torchrun ")  # programs whose options are their own


def parameters(command: click.Command) -> dict[str, click.Parameter]:
    """Return the options of a command by each of their names, with those that click adds itself."""
    context = click.Context(command, **command.context_settings)
    options = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
    return {name: option for option in options for name in (*option.opts, *option.secondary_opts)}


def options_on(page: Path) -> dict[str, str]:
    """Return the options in a page's tables and the default beside each."""
    rows = [row for table in tables(page.read_text(encoding="utf-8")) if _of_options(table) for row in table.rows]
    return {name: row[1] for row in rows for name in CODE.findall(row[0])}


def _of_options(table: Table) -> bool:
    return table.header[:2] == ("option", "default")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_names_every_option_of_its_command_and_no_other(name: str) -> None:
    assert set(options_on(REFERENCE / f"{name}.md")) == set(parameters(COMMANDS[name]))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_states_the_defaults_that_are_values(name: str) -> None:
    known = parameters(COMMANDS[name])
    for option, stated in options_on(REFERENCE / f"{name}.md").items():
        default = known[option].default
        if isinstance(default, (str, int, float)) and not isinstance(default, bool):
            assert stated == str(default), option


def test_the_page_of_tsn_train_states_the_defaults_of_the_config() -> None:
    stated = options_on(REFERENCE / "tsn-train.md")
    for key, field in Config.model_fields.items():
        said = stated[f"--{key.replace('_', '-')}"]
        assert said == str(field.default) or (key, said) == ("style_size", "that of `--image-size`"), key


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_of_a_page_is_taken(page: Path) -> None:
    for line in commands(page.read_text(encoding="utf-8")):
        name, _, rest = line.partition(" ")
        if name not in COMMANDS or any(sign in line for sign in PLACEHOLDERS) or line.endswith(":"):
            continue
        try:
            COMMANDS[name].make_context(name, shlex.split(rest))
        except click.exceptions.Exit:  # --help, --version
            pass
        except click.ClickException as error:
            pytest.fail(f"{line}: {error.format_message()}")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_option_that_a_page_mentions_is_there(page: Path) -> None:
    known = {name for command in COMMANDS.values() for name in parameters(command)} | FOREIGN
    for code in CODE.findall(without_code(page.read_text(encoding="utf-8"))):
        if code.startswith(OTHERS):
            continue
        for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", code):
            assert option in known, f"{option} in {code}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_extra_and_every_target_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"'\.\[([a-z]+)\]'", text)) <= set(extras)
    assert set(re.findall(r"\bmake ((?:test|demo|format|clean)[a-z-]*)", text)) <= set(targets)


def test_the_dependencies_that_install_explains_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    shipped = [*project["dependencies"], *(name for extra in extras if extra != "dev" for name in extras[extra])]
    needed = {re.split(r"[<>=\[; ]", name)[0].lower() for name in shipped} - {"temporalstylenet"}
    for page in (ROOT / "README.md", ROOT / "docs" / "guide" / "install.md"):
        words = set(re.findall(r"[\w-]+", page.read_text(encoding="utf-8").lower()))
        assert needed - words == set(), page.name
