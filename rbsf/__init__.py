"""RB-SF: a SiamFC whose network is 1 bit wide."""

from rbsf.embedder import Embedder, load_embedder
from rbsf.errors import InputError
from rbsf.geometry import Box

__all__ = ["Box", "Embedder", "InputError", "load_embedder"]
