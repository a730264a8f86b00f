"""Measures the paper's Table 5: its trackers and others on OTB, UAV123 and GOT-10k."""

from tracker.commands.table5 import main

if __name__ == "__main__":
    main()
