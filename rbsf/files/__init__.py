"""Reads and writes files, video excepted. A file is written whole or not at all.

- `atomic` writes a file and renames it into place.
- `figure` does so with a figure of matplotlib.
- `lock` keeps a second process out of a folder in which one works.
- `image` reads images.
- `text` reads text and rows of numbers.
- `names` tells names from paths.
- `hashing` identifies a file by its content.
- `checkpoint` stores the state of a training run.
- `shipped` makes networks small enough to ship.
- `weights` says where the shipped networks lie.
- `networks` loads a network from any of these files.
"""
