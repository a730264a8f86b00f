"""Whether a resumed run is the one that was begun: its settings, what it reads, its processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rbsf.errors import InputError
from rbsf.files.hashing import file_sha256
from rbsf.train.settings import LoopSettings

if TYPE_CHECKING:
    from rbsf.train.loop import TrainingSet

FREE = {"device", "workers", "checkpoint_steps", "compile", "data.root", "data.cache"}
"""The settings that may differ, because no result depends on them. Data may have moved."""


def run_inputs(settings: LoopSettings, dataset: TrainingSet) -> dict[str, str]:
    """The hashes of what a run reads, by key: of its data, and of its `input_files`.

    Raises:
        InputError: A file cannot be read.
    """
    hashes = {"data": dataset.digest}
    for key, file in settings.input_files().items():
        try:
            hashes[key] = file_sha256(Path(file))
        except OSError as error:
            raise InputError(f"cannot read the {key} {file}: {error.strerror}") from None
    return hashes


def check_same_run(
    header: dict[str, Any], path: Path, settings: LoopSettings, inputs: dict[str, str], size: int
) -> None:
    """Checks that a checkpoint was made by the same run.

    Args:
        header: The header of the checkpoint.
        path: The checkpoint, which messages name.
        settings: The present settings. Those in `FREE` and the paths of input files may differ.
        inputs: The hashes of what the run reads now, by `run_inputs`.
        size: The present number of processes.

    Raises:
        InputError: The run was begun with other settings, other content or other processes.
    """
    begun, now = _dotted(header["config"]), _dotted(settings.model_dump(mode="json"))
    for key in sorted((begun.keys() | now.keys()) - FREE - settings.input_files().keys()):
        if begun.get(key) != now.get(key):
            raise InputError(
                f"{path} was begun with {key} = {begun.get(key)}, now it is {now.get(key)}: "
                "resume with the same settings, or begin a new run in another folder"
            )
    read = header.get("inputs", inputs)
    for key in sorted(read.keys() | inputs.keys()):
        if read.get(key) != inputs.get(key):
            where = settings.input_files().get(key, settings.data.root)
            raise InputError(
                f"{path} was begun with another {key} than {where}, whose content differs: resume "
                "with the same content, or begin a new run in another folder"
            )
    if header["world"] != size:
        raise InputError(
            f"{path} was begun with {header['world']} processes, now there are {size}: resume with "
            "as many as before"
        )


def _dotted(config: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Flattens a nested mapping, with its keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        inner = isinstance(value, dict)
        flat |= _dotted(value, f"{above}{key}.") if inner else {above + key: value}
    return flat
