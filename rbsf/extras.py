"""Optional packages: which extra brings each, and what is said where one is missing.

Tracking needs none of them. Whoever trains or evaluates installs more, by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rbsf.errors import InputError

EXTRA_OF = {
    "torch": "train",
    "torchvision": "train",
    "safetensors": "train",
    "tensorboard": "train",
    "got10k": "evaluate",
    "six": "evaluate",
    "joblib": "evaluate",
    "jinja2": "evaluate",
    "matplotlib": "evaluate",
    "onnx": "rivals",
    "onnxruntime": "rivals",
    "onnxscript": "rivals",
    "openvino": "rivals",
}
"""The extra of `pip install 'rbsf[EXTRA]'` that brings each module."""


@contextmanager
def needs_extra(what: str) -> Iterator[None]:
    """Turns the absence of an optional package into one line with the command that brings it.

    Args:
        what: The thing that needs the package, as the message's subject.

    Raises:
        InputError: In place of the ModuleNotFoundError of a package in `EXTRA_OF`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRA_OF:
            raise
        raise InputError(missing_package(what, module)) from None


def missing_package(what: str, module: str) -> str:
    """The one line that says what is missing and how to get it."""
    extra = EXTRA_OF[module]
    return (
        f"{what} needs {module}, which is not installed: pip install 'rbsf[{extra}]' "
        f"(in a clone of the repository: pip install -e '.[{extra}]')"
    )
