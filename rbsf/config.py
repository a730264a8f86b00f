"""Typed, validated configuration, read from YAML.

There is one file for each experiment. An unknown key is an error.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from rbsf.errors import InputError

_PACKAGE = Path(__file__).parent
CONFIGS = next(
    (folder for folder in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if folder.is_dir()),
    _PACKAGE / "configs",
)
"""The folder of the configurations that come with the project.

In a wheel it is inside the package, in a clone of the repository it is beside the package.
"""


class Settings(BaseModel):
    """The base of every group of settings: immutable, typed, and strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


S = TypeVar("S", bound=Settings)


def load_settings(kind: type[S], path: str | Path) -> S:
    """Reads settings from a YAML file.

    Args:
        kind: The class of the settings.
        path: The file.

    Raises:
        InputError: The file does not exist or is not YAML, a key is unknown, or a value has the
            wrong type or range. The message names the file and the key, and the nearest known key.
    """
    return parse_settings(kind, read_yaml(path), str(path))


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Reads the keys and values of a YAML file.

    A file may say `extends: other.yaml`, a file beside it. Then it holds only what is different.

    Args:
        path: The file.

    Raises:
        InputError: The file does not exist, or is not a YAML mapping, or one that it extends is
            not. The message names the file.
    """
    file, values = Path(path), _read_one(Path(path))
    read = {os.path.abspath(file)}
    while "extends" in values:
        base = values.pop("extends")
        if not isinstance(base, str):
            raise InputError(f"{file}: extends: it must be the name of a YAML file")
        file = file.parent / base
        if os.path.abspath(file) in read:
            raise InputError(f"{path}: extends: {file} extends itself")
        read.add(os.path.abspath(file))
        values = merged(_read_one(file), values)
    return values


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Merges nested mappings. Later ones win; lists and plain values are replaced as a whole."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = result.get(key)
            both = isinstance(value, dict) and isinstance(below, dict)
            result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def _read_one(file: Path) -> dict[str, Any]:
    """Reads a YAML file, without what it extends."""
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read config {file}: {error.strerror}") from None
    except Exception as error:  # beside its own errors, PyYAML lets those of Python's types through
        reason = "its values are nested too deep" if isinstance(error, RecursionError) else error
        raise InputError(f"{file} is not YAML: {' '.join(str(reason).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{file} holds no settings: it must be a mapping of keys to values")
    return values


def parse_settings(kind: type[S], values: dict[str, Any], source: str) -> S:
    """Makes settings from plain values.

    Args:
        kind: The class of the settings.
        values: The values by key, nested as in the YAML file.
        source: Where the values come from; error messages begin with it.

    Raises:
        InputError: A key or a value is wrong. The message names the key as `load_settings` does.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{source}: {_explain(kind, values, error)}") from None


def _explain(kind: type[BaseModel], values: dict[str, Any], error: ValidationError) -> str:
    """Describes the first problem of a validation error in one line."""
    if len(values) > 1 and not values.keys() & kind.model_fields.keys():
        keys = ", ".join(map(str, list(values)[:5]))
        return f"none of its keys is known here ({keys}): it may be the config of another command"
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] != "extra_forbidden":
        return f"{key}: {first['msg']}"
    *groups, name = map(str, first["loc"])
    near = difflib.get_close_matches(name[:80], sorted(_known_keys(kind)), n=1)
    here = ", ".join(sorted(_group(kind, groups).model_fields))
    hint = f"did you mean {near[0]}?" if near else f"known keys: {here}"
    return f"unknown key {key}; {hint}"


def _group(kind: type[BaseModel], path: list[str]) -> type[BaseModel]:
    """The model at a path within a model, or as near to it as fields alone lead."""
    for name in path:
        below = _models(kind.model_fields[name]) if name in kind.model_fields else []
        kind = below[0] if below else kind
    return kind


def _models(field: FieldInfo) -> list[type[BaseModel]]:
    """The models that a field can hold."""
    parts = (field.annotation, *getattr(field.annotation, "__args__", ()))
    return [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]


def _known_keys(kind: type[BaseModel]) -> set[str]:
    """Collects the field names of a model and of the models within it."""
    names: set[str] = set(kind.model_fields)
    for field in kind.model_fields.values():
        names |= {name for below in _models(field) for name in _known_keys(below)}
    return names
