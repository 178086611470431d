"""Readers of the official downloads, one function each, by the official split rules."""
