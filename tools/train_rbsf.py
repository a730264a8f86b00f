"""Trains the binary SiamFC, which is distilled from a teacher."""

from tracker.commands.train import train_rbsf

if __name__ == "__main__":
    train_rbsf()
