"""Measures speed and memory on this machine."""

from tracker.commands.benchmark import main

if __name__ == "__main__":
    main()
