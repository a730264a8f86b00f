"""Tracks a clip that the project renders itself, and says how well."""

from tracker.commands.demo import main

if __name__ == "__main__":
    main()
