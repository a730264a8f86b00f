"""The commands, one module each. They parse arguments and print; other modules do the work."""
