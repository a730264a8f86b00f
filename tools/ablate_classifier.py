"""Trains and tests the ladder of RBCN's parts, or binarizers, as classifiers."""

from tracker.commands.ablate_classifier import main

if __name__ == "__main__":
    main()
