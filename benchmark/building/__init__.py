"""Builds reward tables: every configuration x seed x task, measured live."""
