"""Typed, validated configuration from YAML: one file an experiment, unknown keys are errors."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from rbsf.errors import InputError

_PACKAGE = Path(__file__).parent
CONFIGS = next(
    (folder for folder in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if folder.is_dir()),
    _PACKAGE / "configs",
)
"""The folder of the experiments that come with the project: a wheel has it inside the package, a
clone of the repository beside it."""


class Settings(BaseModel):
    """Base of every group of settings: immutable, typed, and strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


S = TypeVar("S", bound=Settings)


def load_settings(kind: type[S], path: str | Path) -> S:
    """Settings read from a YAML file.

    Raises:
        InputError: no such file, not YAML, an unknown key (with the nearest known one), or a value
            of the wrong type or range; the message names the file and the key.
    """
    file = Path(path)
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read config {file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{file} holds no settings: it must be a mapping of keys to values")
    return parse_settings(kind, values, str(file))


def parse_settings(kind: type[S], values: dict[str, Any], source: str) -> S:
    """Settings from plain values; errors name `source` and the dotted key, as `load_settings`."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{source}: {_explain(kind, error)}") from None


def _explain(kind: type[BaseModel], error: ValidationError) -> str:
    """The first problem of a validation error, in one line."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] != "extra_forbidden":
        return f"{key}: {first['msg']}"
    known = sorted(_known_keys(kind))
    name = str(first["loc"][-1])
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key {key}; {hint}"


def _known_keys(kind: type[BaseModel]) -> set[str]:
    """Every field name of a model and of the models within it."""
    names: set[str] = set(kind.model_fields)
    for field in kind.model_fields.values():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                names |= _known_keys(part)
    return names
