"""Makes the report of an evaluation again, or compares several evaluations."""

from tracker.commands.report import main

if __name__ == "__main__":
    main()
