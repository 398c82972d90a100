"""What people typed: cleaned alike at every door, or refused with a sentence."""

import unicodedata

REFUSED = "Some of these characters cannot be stored. Please type it anew."

UNSTORABLE = {"Cc", "Cs"}  # Unicode's categories: control characters, halves of characters


def clean(text: str) -> str:
    """The text in NFC with LF line breaks and no blanks around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def is_storable(text: str, *, lines: bool = False) -> bool:
    """No control characters and no halves of characters; line breaks and tabs only where several lines are meant.

    SQLite would store a NUL and PostgreSQL raise; neither can be shown again.
    """
    allowed = "\n\t" if lines else ""
    return all(char in allowed or unicodedata.category(char) not in UNSTORABLE for char in text)


def printable(text: str) -> str:
    """The text without what cannot be stored, to be shown once more to whoever typed it."""
    return "".join(char for char in text if char in "\r\n\t" or unicodedata.category(char) not in UNSTORABLE)
