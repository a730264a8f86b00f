"""The whole loop in ten lines: python examples/ten_lines.py clip.mp4 x y w h"""

import sys

import cv2

import rbsf

video = cv2.VideoCapture(sys.argv[1])
tracker = rbsf.Tracker(rbsf.load_embedder())
tracker.init(video.read()[1], [float(word) for word in sys.argv[2:6]])

while (frame := video.read()[1]) is not None:
    box, score, lost = tracker.update(frame)
    print(*(f"{value:.1f}" for value in box), f"{score:.2f}", "lost" if lost else "")
