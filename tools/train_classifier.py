"""Trains a classifier: a teacher in full precision, or a binary network distilled from it."""

from tracker.commands.classify import train_classifier

if __name__ == "__main__":
    train_classifier()
