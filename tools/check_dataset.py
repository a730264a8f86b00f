"""Lists what a benchmark's folder lacks, by name and with the reason."""

from tracker.commands.check_dataset import main

if __name__ == "__main__":
    main()
