"""Records: one immutable JSON line per scored cell."""
