"""The assets of the embedded simulator: procedural by default, a user's folders where named."""

from __future__ import annotations

PROCEDURAL = "procedural"
