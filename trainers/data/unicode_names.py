"""The built-in `unicode_names`: names of characters, one a line, from Python's own database.

"LATIN SMALL LETTER A WITH GRAVE": words of a small vocabulary in orders that follow rules, which
is what makes them good for trying text models; they are no natural language. From the Unicode 3.2
database that every Python carries for domain names (`unicodedata.ucd_3_2_0`), so that they are the
same on every version; names of ideographs and Hangul syllables, which are mere numbers, are left
out, and those of more than 31 characters.
"""

import io
import sys
import unicodedata

from trainers.data.sources import Text
from trainers.data.text_files import TextFile, open_texts
from trainers.data.vocabulary import TextContent

LONGEST = 31
COUNT = 9_218
SYMBOLS = 38
_NUMBERED = ("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "HANGUL SYLLABLE")


def names() -> list[str]:
    """The names in the order of their characters."""
    database = unicodedata.ucd_3_2_0
    every = (database.name(chr(code), "") for code in range(sys.maxunicode + 1))
    return [name for name in every if 0 < len(name) <= LONGEST and not name.startswith(_NUMBERED)]


def open_unicode_names(name: str, limit: int | None, pointer: str) -> tuple[TextFile, TextContent]:
    """The names as lines of a text file in memory."""
    file = io.BytesIO("\n".join(names()).encode("ascii"))
    source = Text(name, max_length=LONGEST)
    (opened,), content = open_texts([(file, name, pointer)], source, [limit], bounded=False)
    return opened, content
