"""Training: the loop, the steps of teacher and student, and their settings.

- `run` trains from settings in a folder. It is what the training commands call.
- `settings` defines the keys of a configuration file.
- `loop` runs epochs and steps, saves checkpoints and resumes.
- `teacher` and `student` define what a step does; `norm_pass` is the pass over batch norms.
- `optim`, `distributed` and `log` make optimisers, connect processes and write the log.
"""
