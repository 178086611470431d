"""Shared ground: errors, files, the cell store, YAML, versions, options and plug-ins."""
