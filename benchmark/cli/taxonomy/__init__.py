"""``t2sbench taxonomy``: affinities, the choice of sources, and pictures of both."""
