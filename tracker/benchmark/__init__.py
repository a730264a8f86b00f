"""Speed and memory: the packed engine beside other runtimes, timed in turn on this machine."""
