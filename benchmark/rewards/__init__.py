"""Reward tables: rewards that were measured once, so that methods can be compared in seconds."""
