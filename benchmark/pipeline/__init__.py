"""Live scoring: render, pre-train, evaluate; every step a cell of a store."""
