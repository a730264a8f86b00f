"""Trains and measures the ladder of RB-SF's parts."""

from tracker.commands.ablate import main

if __name__ == "__main__":
    main()
