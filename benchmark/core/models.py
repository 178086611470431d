"""Base of immutable pydantic models, and types that several of them share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
#: An integer that Parquet and NumPy can hold.
Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Frozen(BaseModel):
    """An immutable model that refuses unknown fields, NaN and infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
