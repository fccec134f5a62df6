"""Which media type a client would rather have (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The offered type that an Accept header likes best; the first where it does not say."""
    ranges = [_parse(part) for part in accept.split(",") if part.strip()]
    qualities = [_quality(offer, ranges) for offer in offered]
    return offered[qualities.index(max(qualities))]


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The quality that the most exact range gives an offer; 0: not acceptable."""
    for kind in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in ranges if name == kind]
        if found:
            return max(found)
    return 0.0


def _parse(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return kind, 0.0
            return kind, quality if 0 <= quality <= 1 else 0.0
    return kind, 1.0
