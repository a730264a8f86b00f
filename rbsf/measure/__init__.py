"""How fast the packed engine is beside its rivals, on the machine at hand."""
