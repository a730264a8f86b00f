"""Measures trackers on a benchmark: their accuracy and speed, beside rivals."""

from tracker.commands.evaluate import main

if __name__ == "__main__":
    main()
