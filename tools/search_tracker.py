"""Searches the tracker's settings on training tracks."""

from tracker.commands.search import main

if __name__ == "__main__":
    main()
