"""The command line: parse, call the suite, print."""
