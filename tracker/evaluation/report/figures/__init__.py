"""The figures of the report, one kind in a file."""
