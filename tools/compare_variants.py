"""Trains variants of a recipe for a small budget each, and compares them."""

from tracker.commands.variants import main

if __name__ == "__main__":
    main()
