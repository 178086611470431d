"""Submissions: decisions of a method, packed by its author, checked and scored by the suite."""
