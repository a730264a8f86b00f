"""Tracks a clip rendered by the project itself, and says how well."""

from tracker.commands.demo import main

if __name__ == "__main__":
    main()
