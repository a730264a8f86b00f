"""Measures a network with a box head: a single step, or tracking from the first frame."""

from tracker.commands.box import evaluate_box

if __name__ == "__main__":
    evaluate_box()
