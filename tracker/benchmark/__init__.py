"""Measures speed and memory: the packed engine and other runtimes take turns on this machine."""
