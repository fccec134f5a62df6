"""The base of every value that people write or read: strict, frozen, closed."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Value(BaseModel):
    """A frozen value: unknown keys, silent conversions, NaN and infinity are refused."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        validate_default=False,
        protected_namespaces=(),
    )


class Record(BaseModel):
    """A frozen fact read back from storage; the storage layer has already checked it."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def invalid(reason: str, remedy: str) -> PydanticCustomError:
    """A validation error that says what is wrong and what to do about it."""
    escaped = reason.replace("{", "{{").replace("}", "}}")
    return PydanticCustomError("invalid", escaped, {"remedy": remedy})


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from SHA-256 of the parts: same parts, same seed, on every machine."""
    digest = hashlib.sha256(canonical_json(list(parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
