"""`load_embedder`: the one line that turns weights into something that embeds crops.

Nothing here imports torch until a torch network is asked for.
"""

from __future__ import annotations

import importlib.util
import logging
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError
from rbsf.files.hashing import file_sha256

Engine = Literal["auto", "packed", "torch"]

SHIPPED = Path(__file__).parent / "weights" / "rbsf.rbsf"
"""The RB-SF that comes with the package, packed."""

SHIPPED_TEACHER = SHIPPED.with_name("siamfc.safetensors")

PACKED_SUFFIX = ".rbsf"


class Embedder(Protocol):
    """A network ready to embed crops.

    A response is `response_gain * correlation + response_bias`, a logit: its sigmoid is the
    network's belief that the target is centred there.
    """

    name: str
    engine: str
    path: str
    """Which of the engine's kernels run, empty where it has one kind: no matter for the bits."""
    weights_sha256: str
    response_gain: float
    response_bias: float

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB crops (N, S, S, 3) -> features (N, C, s, s); S = 127 gives s = 6, 255 gives 22."""
        ...


def load_embedder(
    weights: str | Path | None = None, engine: Engine = "auto", threads: int | None = None
) -> Embedder:
    """An embedder from weights.

    Args:
        weights: a packed file, a checkpoint, a shipped file or `siamfc_alexnet_e50.pth`; None: the
            shipped RB-SF.
        engine: what runs it. `packed`: the compiled 1-bit kernels, for a packed file or a student's
            checkpoint, which is packed in memory. `torch`: for all. `auto`: packed for a packed
            file (or the next best where no kernels were compiled), else torch.
        threads: of the network; torch takes them for the whole process. None leaves the choice to
            the engine.

    Raises:
        InputError: no such file, damaged, of another architecture, or an engine that is not here or
            not for this file.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads must be 1 or more, not {threads}")
    file = Path(weights) if weights is not None else SHIPPED
    if not file.is_file():
        raise InputError(f"no weights at {file}: give a checkpoint with --weights")
    if file.suffix == PACKED_SUFFIX:
        return _load_packed(file, engine, threads)
    if engine == "packed":
        return _pack(file, threads)
    from rbsf.engine.torch_embedder import TorchEmbedder

    return TorchEmbedder.from_file(file, threads)


def engine_in_words(engine: str, path: str) -> str:
    """Engine and kernel path, as "packed (avx2)"."""
    return f"{engine} ({path})" if path else engine


def _load_packed(file: Path, engine: Engine, threads: int | None) -> Embedder:
    from rbsf.engine.format import read_packed
    from rbsf.engine.packed import PackedEmbedder, check_architecture, kernel_paths

    network = read_packed(file)
    check_architecture(network, str(file))
    name, sha256 = file.stem, file_sha256(file)
    if engine == "packed" or (engine == "auto" and kernel_paths()):
        return PackedEmbedder(network, name, sha256, threads)
    if engine == "auto" and importlib.util.find_spec("openvino"):
        from rbsf.engine.openvino_u1 import OpenVinoEmbedder

        _warn_of_missing_kernels("OpenVINO")
        return OpenVinoEmbedder(network, name, sha256, threads)
    if engine == "auto":
        _warn_of_missing_kernels("torch")
    import torch

    from rbsf.engine.integer import IntegerEmbedder

    if threads is not None:
        torch.set_num_threads(threads)
    return IntegerEmbedder(network, name, sha256)


def _pack(file: Path, threads: int | None) -> Embedder:
    """A student's checkpoint on the packed engine."""
    from rbsf.engine.packed import PackedEmbedder, require_kernels

    require_kernels()
    from rbsf.engine.pack import pack_file

    return PackedEmbedder(pack_file(file), file.stem, file_sha256(file), threads)


@cache
def _warn_of_missing_kernels(instead: str) -> None:
    """Once a process; a remark in the log, since no caller can mend it."""
    from rbsf.engine.packed import NEEDS_COMPILER

    logging.getLogger(__name__).warning(f"{instead} runs the network, slower: {NEEDS_COMPILER}")
