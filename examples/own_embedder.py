"""Your own features in our tracker: python examples/own_embedder.py clip.mp4 x y w h

The tracker asks of a network only that it turns RGB crops into feature maps, 6x6 cells for a crop
of 127x127 and 22x22 for one of 255x255, and says how a correlation becomes a logit. These features
are the smoothed colours of each cell. They follow whatever has a colour of its own, and show what
has to be there; put your network in their place.
"""

import sys

import cv2
import numpy as np

import rbsf


class ColourEmbedder:
    """Mean colours as features; see `rbsf.Embedder` for what each attribute means."""

    name, engine, path, weights_sha256 = "colours", "numpy", "", ""
    response_gain, response_bias = 1.0, -8.0

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """RGB crops (N, S, S, 3), uint8 -> features (N, 3, s, s), float32."""
        return np.stack([self._embed(crop) for crop in crops])

    def _embed(self, crop: np.ndarray) -> np.ndarray:
        smooth = cv2.blur(crop.astype(np.float32) / 255 - 0.5, (25, 25))
        cells = smooth[43 : len(crop) - 43 : 8, 43 : len(crop) - 43 : 8]
        return cells.transpose(2, 0, 1)


video = cv2.VideoCapture(sys.argv[1])
tracker = rbsf.Tracker(ColourEmbedder())
tracker.init(video.read()[1], [float(word) for word in sys.argv[2:6]])

while (frame := video.read()[1]) is not None:
    print(*(f"{value:.1f}" for value in tracker.update(frame).box))
