"""The packed engine: a network as bits and integer thresholds, its file, and what runs it."""
