"""`load_embedder`: the one line that turns weights into something that embeds crops.

Nothing here imports torch until a torch network is asked for.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rbsf.errors import InputError

Engine = Literal["auto", "packed", "torch"]

SHIPPED = Path(__file__).parent / "weights" / "rbsf.safetensors"
"""The RB-SF that comes with the package."""

SHIPPED_TEACHER = SHIPPED.with_name("siamfc.safetensors")


class Embedder(Protocol):
    """A network ready to embed crops.

    A response is `response_gain * correlation + response_bias`, a logit: its sigmoid is the
    network's belief that the target is centred there.
    """

    name: str
    engine: str
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
        weights: a checkpoint, a shipped file or `siamfc_alexnet_e50.pth`; None: the shipped RB-SF.
        engine: what runs it: `torch`; `packed` is not in this version; `auto` is the best here.
        threads: that torch may use in this process; None leaves its choice.

    Raises:
        InputError: no such file, damaged, of another architecture, or an engine that is not here.
    """
    if engine == "packed":
        raise InputError("engine packed is not in this version: use --engine torch or auto")
    if threads is not None and threads < 1:
        raise InputError(f"threads must be 1 or more, not {threads}")
    from rbsf.torch_embedder import TorchEmbedder

    file = Path(weights) if weights is not None else SHIPPED
    if not file.is_file():
        raise InputError(f"no weights at {file}: give a checkpoint with --weights")
    return TorchEmbedder.from_file(file, threads)


def file_sha256(file: Path) -> str:
    """Hex digest of a file's content."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
