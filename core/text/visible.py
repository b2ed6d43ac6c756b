"""Text from strangers, made safe to show."""

import unicodedata

UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Categories that are escaped: control characters, halves of pairs (names in bytes that are no UTF-8), line ends."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the order in which others are shown."""


def visible(text: str, keep: str = "") -> str:
    """Return a text in which nothing moves a cursor, colours a terminal or begins a line: such characters are escaped.

    The escapes are those of JSON, so that a line of JSON stays one.

    Args:
        text: The text.
        keep: Characters that are left as they are, such as those that end its lines.
    """
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        f"\\u{ord(c):04x}" if c not in keep and (unicodedata.category(c) in UNSEEN or c in TURNING) else c for c in text
    )
