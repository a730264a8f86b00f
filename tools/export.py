"""Pack a student into a `.rbsf` file; look into one; give its numbers to others."""

from tracker.commands.export import main

if __name__ == "__main__":
    main()
