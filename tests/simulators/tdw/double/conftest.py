"""The test double runs as a process of its own: there is nothing to collect here."""

collect_ignore_glob = ["*.py"]
