"""Fits the score of the box tracker on training tracks."""

from tracker.commands.fit_score import main

if __name__ == "__main__":
    main()
