"""The networks: `BinaryConv2d`, the backbones, `SiamFC`, classifiers and the discriminators."""

from rbsf.nn.backbone import (
    LAYERS,
    SLIM_LAYERS,
    STRIDE,
    WIDE_LAYERS,
    AlexNetV1,
    Backbone,
    BinaryAlexNetV1,
)
from rbsf.nn.binary_conv import BinaryConv2d, binary_layers
from rbsf.nn.discriminator import Discriminator, Discriminators
from rbsf.nn.residual import Answer, NetworkSettings, ResidualNet, make_classifier
from rbsf.nn.siamfc import EXEMPLAR_SIZE, SEARCH_SIZE, Output, SiamFC, correlate, make_student

__all__ = [
    "EXEMPLAR_SIZE",
    "LAYERS",
    "SEARCH_SIZE",
    "SLIM_LAYERS",
    "STRIDE",
    "WIDE_LAYERS",
    "AlexNetV1",
    "Answer",
    "Backbone",
    "BinaryAlexNetV1",
    "BinaryConv2d",
    "Discriminator",
    "Discriminators",
    "NetworkSettings",
    "Output",
    "ResidualNet",
    "SiamFC",
    "binary_layers",
    "correlate",
    "make_classifier",
    "make_student",
]
