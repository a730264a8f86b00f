"""Tracks as `supervision.Detections`: python examples/with_supervision.py clip.mp4 x y w h out.mp4

Needs the package `supervision`: pip install supervision
"""

import sys

import numpy as np
import supervision as sv

import rbsf


def as_detections(tracks: list) -> sv.Detections:
    """Our tracks as supervision holds them: corners, confidence, and the target's number."""
    boxes = np.array([track.box for track in tracks])
    return sv.Detections(
        xyxy=np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]),
        confidence=np.array([track.score for track in tracks]),
        class_id=np.zeros(len(tracks), dtype=int),
        tracker_id=np.arange(1, len(tracks) + 1),
    )


clip, *words, output = sys.argv[1:]
group = rbsf.TrackerGroup(rbsf.load_embedder())
box_annotator, label_annotator = sv.BoxAnnotator(), sv.LabelAnnotator()

with sv.VideoSink(output, sv.VideoInfo.from_video_path(clip)) as sink:
    for index, frame in enumerate(sv.get_video_frames_generator(clip)):
        if index == 0:
            group.init(frame, [[float(word) for word in words]])
            continue
        detections = as_detections(group.update(frame))
        labels = [f"{score:.2f}" for score in detections.confidence]
        frame = box_annotator.annotate(frame.copy(), detections)
        sink.write_frame(label_annotator.annotate(frame, detections, labels))

print(f"wrote {output}")
