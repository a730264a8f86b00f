"""Measures classifiers on test pictures."""

from tracker.commands.classify import evaluate_classifier

if __name__ == "__main__":
    evaluate_classifier()
