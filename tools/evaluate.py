"""Measure trackers on a benchmark: AO, success, precision, speed."""

from tracker.commands.evaluate import main

if __name__ == "__main__":
    main()
