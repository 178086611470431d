"""Pictures of affinities, taxonomies and budgets; they need the extra ``plots`` (matplotlib)."""
