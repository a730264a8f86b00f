"""Everything that touches a disk and is not video: written whole or not at all, read with care.

`atomic` writes a file and renames it into place, `image` reads an image, `hashing` identifies a
file, `checkpoint` holds a training run, and `shipped` turns files into networks.
"""
