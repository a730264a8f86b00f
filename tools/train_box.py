"""Trains a 1-bit backbone and its box head together."""

from tracker.commands.box import train_box

if __name__ == "__main__":
    train_box()
