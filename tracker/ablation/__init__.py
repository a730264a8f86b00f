"""The ladder of RB-SF's parts: what each of them is worth to the tracker, trained and measured."""
