"""The commands, one module each: they parse arguments and print, and leave the work to others."""
