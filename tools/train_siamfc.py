"""Trains the full-precision SiamFC, the teacher."""

from tracker.commands.train import train_siamfc

if __name__ == "__main__":
    train_siamfc()
