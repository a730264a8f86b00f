"""Training: the loop, the teacher, the student (Algorithm 1 of the paper) and their settings."""
