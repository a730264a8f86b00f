"""The training data: sources, the crop cache, augmentation and pairs."""

from rbsf.data.augment import Augment, AugmentSettings, Pair
from rbsf.data.pairs import DataSettings, PairDataset, open_pairs
from rbsf.data.sources import SourceSettings

__all__ = [
    "Augment",
    "AugmentSettings",
    "DataSettings",
    "Pair",
    "PairDataset",
    "SourceSettings",
    "open_pairs",
]
