"""Trains the binary SiamFC, distilled from its teacher."""

from tracker.commands.train import train_rbsf

if __name__ == "__main__":
    train_rbsf()
