"""The drawn picture of a product that has no photograph: a letterpress label, always the same for the same product."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from app.services import motifs
from app.services.motifs import Palette, Shape

DRAWING = 1  # raise it when a label's looks change, so that cached pictures are fetched again

TEXT_WIDTH, TEXT_HEIGHT = 330, 144  # the paper beneath it, where the words stand
NAME_SIZES = (40, 36, 33, 30, 27, 24, 21)
NAME_LEADING = 1.12
NAME_LINES = 3
NOTES_SIZES = (16, 15, 14, 13)
ORIGIN_SIZES = (12, 11, 10)
REGULAR, ITALIC = 0.95, 0.88  # how wide these letters run beside the bold ones
TRACKING = 2  # between the letters of the origin
SEED = "till 6941 "  # of many tried, one with which neighbours in the demo shop window look different


@dataclass(frozen=True)
class TextLine:
    """One centred line of words, its baseline in units below the panel."""

    text: str
    size: int
    y: int
    tracking: int = 0


@dataclass(frozen=True)
class Label:
    """What a label says, as clean plain text; any of it may be empty."""

    name: str
    category: str
    origin: str
    notes: str


@dataclass(frozen=True)
class LabelDrawing:
    """All that catalog/label.svg needs; each line of words fits the paper in every font of our list."""

    label: Label
    palette: Palette
    motif: str
    shapes: tuple[Shape, ...]
    name: tuple[TextLine, ...]
    origin: TextLine | None
    notes: TextLine | None


PALETTES = (
    Palette("#f9f0e4", "#4a2211", "#b4532b", "#fae6cb", "#7d3215", "#efb765"),  # terracotta
    Palette("#f6eee2", "#2a1d16", "#3a2a21", "#efdfc8", "#75563f", "#cf7440"),  # espresso
    Palette("#f5f2e6", "#26372b", "#8a9f80", "#f5efdc", "#41594a", "#c9622f"),  # sage
    Palette("#faf4e2", "#43290f", "#d9a53a", "#fcf0d2", "#8f4a1a", "#a83f17"),  # mustard
    Palette("#f4f1ea", "#1f2c3a", "#4c667f", "#ece4d4", "#2a3e53", "#e2a063"),  # slate blue
    Palette("#f8efeb", "#3b1a2b", "#713c57", "#f4ddd3", "#4a2138", "#df9470"),  # plum
    Palette("#faf1ea", "#4b2a22", "#dcab95", "#fdf3ea", "#96503d", "#7a2f22"),  # clay
    Palette("#f4f0e4", "#1c3329", "#2f5c47", "#ede4cb", "#1b3d2e", "#dfae57"),  # forest
)


def label_of(name: str, *, category: str, origin: str, notes: str) -> LabelDrawing:
    """Compose the label of a product; without an origin its category stands in that place."""
    label = _clean(name, category=category, origin=origin, notes=notes)
    digest = hashlib.sha256((SEED + label.name).encode()).digest()
    palette = PALETTES[digest[0] % len(PALETTES)]
    motif = motifs.motif_of(label.name, label.category, digest)
    origin_text, origin_size, tracking = _origin(label.origin or label.category)
    notes_text, notes_size = _one_line(label.notes, NOTES_SIZES, ITALIC)

    gaps = (27 if origin_text else 0) + (26 if notes_text else 0)
    lines, size = _name_lines(label.name, TEXT_HEIGHT - 28 - gaps)
    leading = size * NAME_LEADING
    top = (TEXT_HEIGHT - leading * len(lines) - gaps) / 2 + size * 0.12
    baselines = [round(top + leading * i + size * 0.78) for i in range(len(lines))]
    below = baselines[-1] if lines else round(top)
    return LabelDrawing(
        label=label,
        palette=palette,
        motif=motif,
        shapes=motifs.MOTIFS[motif](digest, palette),
        name=tuple(TextLine(text, size, y) for text, y in zip(lines, baselines, strict=True)),
        origin=TextLine(origin_text, origin_size, below + 27, tracking) if origin_text else None,
        notes=TextLine(notes_text, notes_size, below + gaps) if notes_text else None,
    )


def version_of(name: str, *, category: str, origin: str, notes: str) -> str:
    """Eight hex characters for the picture's address: other words or another DRAWING, another version."""
    label = _clean(name, category=category, origin=origin, notes=notes)
    return hashlib.sha256(repr((DRAWING, label)).encode()).hexdigest()[:8]


# Words

# What XML 1.0 forbids (section 2.2), the C1 controls, and the marks that turn the reading direction of what follows.
_UNPRINTABLE = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069\ufeff]")
_NARROW, _SLIM, _WIDE = frozenset("ijlI.,:;'’!|()[]` ·"), frozenset('ftrJ-"'), frozenset("mwMW%@—…")


def _clean(name: str, *, category: str, origin: str, notes: str) -> Label:
    return Label(_plain(name, 160), _plain(category, 60), _plain(origin, 60), _plain(notes, 120).rstrip("."))


def _plain(text: str, longest: int) -> str:
    """One line of printable text, where no letter carries a tower of more than three accents."""
    text = " ".join(_UNPRINTABLE.sub("", text[: longest * 4]).split())
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= 3:
            kept.append(char)
    return "".join(kept)[:longest].strip()


def width_of(text: str, size: float, tracking: float = 0) -> float:
    """The room that bold text takes in the widest serif of our list, in label units; a little too much rather than too little."""
    return sum(_advance(char) + tracking / size for char in text) * size


def _advance(char: str) -> float:
    """The width of one character in ems, after P052 and Noto Serif semibold."""
    if char in _NARROW:
        return 0.37
    if char in _SLIM:
        return 0.45
    if char in _WIDE:
        return 1.02
    if char.isascii():
        return 0.76 if char.isupper() else 0.62
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.3 if ord(char) > 0x1F000 else 1.05  # pictographs are drawn wider than ideographs
    return 0.8


def _one_line(text: str, sizes: tuple[int, ...], face: float, tracking: int = 0) -> tuple[str, int]:
    """The text at the largest size at which it fits the paper, or cut with an ellipsis at the smallest."""
    for size in sizes:
        if width_of(text, size * face, tracking) <= TEXT_WIDTH:
            return text, size
    return _cut(text, sizes[-1] * face, tracking), sizes[-1]


def _cut(text: str, size: float, tracking: float = 0) -> str:
    """As much of the text as fits before an ellipsis, ending after a whole word where that loses little."""
    while text and width_of(text + "…", size, tracking) > TEXT_WIDTH:
        text = text[:-1]
    head, blank, tail = text.rpartition(" ")
    if blank and len(tail) < len(text) / 3:
        text = head
    return text.rstrip(" ,;:–-") + "…"


def _origin(text: str) -> tuple[str, int, int]:
    """Capitals with air between them; scripts without capitals are often joined, and stay as they are."""
    tracking = TRACKING if text.upper() != text.lower() else 0
    line, size = _one_line(text.upper().replace(", ", " · "), ORIGIN_SIZES, REGULAR, tracking)
    return line, size, tracking


def _name_lines(name: str, height: float) -> tuple[list[str], int]:
    """Wrap the name as large as the paper allows; what no size can hold is cut with an ellipsis."""
    if not name:
        return [], NAME_SIZES[-1]
    for size in NAME_SIZES:
        most = min(NAME_LINES, int(height / (size * NAME_LEADING)))
        lines = _wrap(name, size, TEXT_WIDTH)
        if len(lines) <= most and all(width_of(line, size) <= TEXT_WIDTH for line in lines):
            return _balance(name, size, len(lines)), size
    lines = _wrap(_with_breaks(name, size), size, TEXT_WIDTH)
    if len(lines) > most:
        lines = [*lines[: most - 1], _cut(" ".join(lines[most - 1 :]), size)]
    return lines, size


def _wrap(text: str, size: float, room: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and width_of(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _balance(text: str, size: float, count: int) -> list[str]:
    """Of all ways to fill `count` lines, the one whose longest line is shortest: no lonely last word."""
    best = _wrap(text, size, TEXT_WIDTH)
    for room in range(TEXT_WIDTH, 0, -10):
        lines = _wrap(text, size, room)
        if len(lines) > count:
            break
        best = lines
    return best


def _with_breaks(text: str, size: float) -> str:
    """Break words that are wider than the paper, never between a letter and its accent."""
    words: list[str] = []
    for word in text.split():
        part = ""
        for char in word:
            if width_of(part + char, size) > TEXT_WIDTH and not unicodedata.combining(char):
                words.append(part)
                part = ""
            part += char
        words.append(part)
    return " ".join(words)
