"""Reference methods, one idea per file."""
