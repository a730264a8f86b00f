"""Shows what networks cost: parameters, memory and multiplications, layer by layer."""

from tracker.commands.summary import main

if __name__ == "__main__":
    main()
