"""Outputs of a run: annotated video, box files, a window and a progress bar."""
