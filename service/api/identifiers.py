"""Study ids: safe in a URL, and sorted by the time they were made."""

import secrets
import time

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, in lower case: no i, l, o or u to misread."""
_TIME_BITS = 48
_RANDOM_BITS = 80


def new_study_id() -> str:
    """26 characters: milliseconds since 1970, then 80 random bits (a ULID in lower case)."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    digits = -(-(_TIME_BITS + _RANDOM_BITS) // 5)
    return "".join(_DIGITS[(number >> (5 * place)) & 31] for place in reversed(range(digits)))
