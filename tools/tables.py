"""Makes the paper's Tables 2, 3, 4 and 6, with our figures beside the paper's."""

from tracker.commands.tables import main

if __name__ == "__main__":
    main()
