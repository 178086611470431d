"""walsh-gp: a Gaussian process over tasks for each contrast of the space."""
