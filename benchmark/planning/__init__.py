"""Plans of large measurements: costs of stages, clusters, and their simulation."""
