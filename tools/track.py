"""Follows one or more targets through a video, from a box in its first frame."""

from tracker.commands.track import main

if __name__ == "__main__":
    main()
