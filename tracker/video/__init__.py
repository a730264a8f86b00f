"""Sources of frames: video files, folders of images, cameras and network streams."""
