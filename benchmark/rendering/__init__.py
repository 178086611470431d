"""Rendered datasets: planned, rendered in parallel, resumed, and written for the usual loaders."""
