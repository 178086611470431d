"""Public Python interface of t2sbench."""
