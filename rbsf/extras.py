"""Optional packages: the extra that brings each of them, and the message where one is missing.

Tracking needs none of them. Whoever trains, evaluates or compares installs an extra.
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
    """Turns the absence of an optional package into one line with the command that installs it.

    Args:
        what: The thing that needs the package. It is the subject of the message.

    Raises:
        InputError: A package in `EXTRA_OF` is missing. Other missing modules pass as they are.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRA_OF:
            raise
        raise InputError(missing_package(what, module)) from None


def missing_package(what: str, module: str) -> str:
    """Returns the line that says what is missing and how to install it."""
    extra = EXTRA_OF[module]
    return (
        f"{what} needs {module}, which is not installed: pip install 'rbsf[{extra}]' "
        f"(in a clone of the repository: pip install -e '.[{extra}]')"
    )
