"""The networks: `BinaryConv2d`, the backbones, `SiamFC` and the discriminators."""

from rbsf.nn.backbone import (
    LAYERS,
    SLIM_LAYERS,
    STRIDE,
    WIDE_LAYERS,
    AlexNetV1,
    Backbone,
    BinaryAlexNetV1,
)
from rbsf.nn.binary_conv import BinaryConv2d
from rbsf.nn.discriminator import Discriminator, Discriminators
from rbsf.nn.siamfc import EXEMPLAR_SIZE, SEARCH_SIZE, Output, SiamFC, correlate, make_student

__all__ = [
    "EXEMPLAR_SIZE",
    "LAYERS",
    "SEARCH_SIZE",
    "SLIM_LAYERS",
    "STRIDE",
    "WIDE_LAYERS",
    "AlexNetV1",
    "Backbone",
    "BinaryAlexNetV1",
    "BinaryConv2d",
    "Discriminator",
    "Discriminators",
    "Output",
    "SiamFC",
    "correlate",
    "make_student",
]
