"""Figures of effects, distances, affinities, taxonomies and budgets; extra ``plots``."""
