"""Texts as tokens: characters, bytes of UTF-8, or words and punctuation. Standard library only."""

import re

REPLACEMENT = "\ufffd"
"""Shows a token that the vocabulary lacks, and stands for a dropped one in what is read."""
_WORDS = re.compile(r"\w+|[^\w\s]")
_CLOSING = re.compile(r" (?=[.,;:!?)\]}%])|(?<=[(\[{]) ")


def split_text(text: str, tokenizer: str) -> list[str]:
    """The tokens of a text; a byte is the character of its number."""
    if tokenizer == "word":
        return _WORDS.findall(text)
    if tokenizer == "byte":
        return list(text.encode("utf-8").decode("latin-1"))
    return list(text)


def join_tokens(tokens: list[str], tokenizer: str) -> str:
    """The text of tokens; spaces between words are where they usually are."""
    if tokenizer == "word":
        return _CLOSING.sub("", " ".join(tokens))
    if tokenizer == "byte":
        known = "".join("?" if token == REPLACEMENT else token for token in tokens)
        return known.encode("latin-1").decode("utf-8", errors="replace")
    return "".join(tokens)
