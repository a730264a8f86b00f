"""Many objects through one network, with names: python examples/several_targets.py clip.mp4 x y w h

The crops of all targets are embedded together, which costs less than one tracker after another. A
second target is taken up in the first frame and given up in the fifth frame after it.
"""

import sys

import cv2

import rbsf

video = cv2.VideoCapture(sys.argv[1])
first = video.read()[1]
height, width = first.shape[:2]

group = rbsf.TrackerGroup(rbsf.load_embedder())
group.add(first, [float(word) for word in sys.argv[2:6]], name="beetle")
group.add(first, (0.75 * width, 0.75 * height, 0.1 * width, 0.1 * height), name="corner")

index = 0
while (frame := video.read()[1]) is not None:
    index += 1
    if index == 5:
        group.remove("corner")
    for name, track in zip(group.names, group.update(frame), strict=True):
        print(f"{name} {track.box.x:.1f},{track.box.y:.1f} {track.score:.2f}", end="  ")
    print()
