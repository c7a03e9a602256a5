"""Reads the config of a training run: from a YAML file, or one that ships with the package, then from flags."""

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tsn.runtime.errors import InputError, UsageError
from tsn.train.config import Config

SHIPPED = Path(__file__).parents[1] / "configs"  # beside train/, in the checkout as in the wheel
_SUFFIX = "_config"  # of the names of the files there


def read_config(place: Path | None, *, flags: dict[str, Any] | None = None) -> Config:
    """Return the config in a YAML file, or in the shipped one of that name, with `flags` laid over it; the defaults
    where there is no file.

    Raises:
        InputError: the file is missing, no YAML, or has an unknown or wrong key; names the line and the nearest key.
        UsageError: a flag is wrong.
    """
    path = None if place is None else find_config(place)
    flags = {name: value for name, value in (flags or {}).items() if value is not None}
    values, lines = ({}, {}) if path is None else _read_yaml(path)
    try:
        return Config.model_validate({**values, **flags})
    except ValidationError as error:
        raise _explained(error, path=path, lines=lines, flags=flags) from None


def find_config(place: Path) -> Path:
    """Return the file at `place`, or the shipped one that it names. Raises InputError where there is neither."""
    if place.exists():
        return place
    names = shipped_configs()
    name = place.name.removesuffix(".yaml").removesuffix(_SUFFIX)
    if len(place.parts) == 1 and name in names:
        return SHIPPED / f"{name}{_SUFFIX}.yaml"
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise InputError(
        f"there is no config {place}. {hint}Give a YAML file, or the name of one that ships: {', '.join(names)}"
    )


def shipped_configs() -> list[str]:
    """Return the names of the configs that come with this package."""
    return sorted(path.stem.removesuffix(_SUFFIX) for path in SHIPPED.glob(f"*{_SUFFIX}.yaml"))


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Read the values of a YAML file and the line of each key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the config {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"{where}: this is no YAML: {getattr(error, 'problem', None) or error}") from error
    if node is None:
        return {}, {}
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{path}:{node.start_mark.line + 1}: a config is a list of 'key: value' lines")
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if key.value in lines:
            raise InputError(f"{path}:{key.start_mark.line + 1}: '{key.value}' is given twice. Keep one of the lines")
        lines[key.value] = key.start_mark.line + 1
    return {str(key): _number(str(key), value) for key, value in values.items()}, lines


def _number(key: str, value: Any) -> Any:
    """Return the number that a text such as 1e-4 is, if the key wants one: YAML takes it for text."""
    field = Config.model_fields.get(key)
    if field is not None and field.annotation is float and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _explained(
    error: ValidationError, *, path: Path | None, lines: dict[str, int], flags: dict[str, Any]
) -> InputError | UsageError:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, Config.model_fields, n=1, cutoff=0.4)
        text = f"there is no key '{key}'. " + (f"Did you mean '{near[0]}'?" if near else "See: tsn-train --help")
    elif key:
        text = f"{key}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
    else:
        text = first["msg"].removeprefix("Value error, ")
    if key in flags or path is None:
        return UsageError(f"--{key.replace('_', '-')}: {text}" if key else text)
    return InputError(f"{path}:{lines[key]}: {text}" if key in lines else f"{path}: {text}")
