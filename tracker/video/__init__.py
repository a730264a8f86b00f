"""Frames in: video files, folders of images, cameras and network streams, opened alike."""
