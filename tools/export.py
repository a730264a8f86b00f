"""Packs a trained network into a `.rbsf` file, looks into one, or converts it."""

from tracker.commands.export import main

if __name__ == "__main__":
    main()
