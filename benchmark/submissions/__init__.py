"""Submissions: decisions of a method, packed by its author, then checked and scored."""
