"""Makes the crops that a training needs."""

from tracker.commands.cache import main

if __name__ == "__main__":
    main()
