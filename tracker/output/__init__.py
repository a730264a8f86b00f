"""Results out: annotated video, box files, a window and a progress bar."""
