"""Running methods: what is to be done (plan), one fit with its cells (cells), all of it (run)."""
