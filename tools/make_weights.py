"""Makes the shipped weights, from the training to the hashes."""

from tracker.commands.weights import main

if __name__ == "__main__":
    main()
