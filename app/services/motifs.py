"""What is printed on a label's coloured field: each motif takes a digest and the inks, and fills the panel."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

PANEL_WIDTH, PANEL_HEIGHT = 368, 124  # the coloured field with the motif, in units of the 400 × 300 label


@dataclass(frozen=True)
class Palette:
    """The inks of one label: words and rules, then the panel and the three inks printed on it."""

    paper: str
    ink: str
    field: str
    light: str
    deep: str
    spark: str


@dataclass(frozen=True)
class Shape:
    """One printed path in panel units; width is that of its stroke, 0 when it is filled only."""

    d: str
    fill: str = "none"
    stroke: str = "none"
    width: float = 0


# (words of the category, words of the name or none for any, motif), the first that fits
_PICTURES: tuple[tuple[frozenset[str], frozenset[str], str], ...] = tuple(
    (frozenset(category.split()), frozenset(name.split()), motif)
    for category, name, motif in (
        ("gear equipment brewing", "kettle", "kettle"),
        ("gear equipment brewing", "grinder mill", "grinder"),
        ("gear equipment brewing", "scale scales", "scales"),
        ("gear equipment brewing", "dripper filter filters papers", "dripper"),
        ("gear equipment brewing", "cup cups mug mugs tumbler", "cup"),
        ("gifts gift vouchers digital sets", "card voucher", "envelope"),
        ("gifts gift sets", "set box hamper", "parcel"),
        ("learn courses guides digital downloads", "", "book"),
        ("subscription subscriptions", "", "moons"),
    )
)
_COFFEE = frozenset("coffee coffees beans origin origins blend blends decaf espresso filter".split())
_ABSTRACT = ("hills", "arcs", "stripes", "lattice", "moons", "peaks")


def motif_of(name: str, category: str, digest: bytes) -> str:
    """The motif that suits what a thing is called and where it stands; by the digest where several do."""
    shelf = set(re.findall(r"\w+", category.casefold()))
    called = set(re.findall(r"\w+", name.casefold()))
    for of_category, of_name, motif in _PICTURES:
        if shelf & of_category and (not of_name or called & of_name):
            return motif
    motifs = (*_ABSTRACT[:4], "branch", "peaks") if shelf & _COFFEE else _ABSTRACT
    return motifs[digest[1] % len(motifs)]


def _disc(x: int, y: int, r: int) -> str:
    return f"M{x - r} {y}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0-{2 * r} 0z"


def _vary(byte: int, low: int, high: int) -> int:
    return low + byte % (high - low + 1)


def _hills(digest: bytes, inks: Palette) -> tuple[Shape, ...]:
    x, y = _vary(digest[2], 104, 264), 60
    turns = [math.pi * step / 14 for step in range(15)]
    rays = "".join(
        f"M{x + 38 * math.cos(t):.0f} {y - 38 * math.sin(t):.0f}L{x + 320 * math.cos(t):.0f} {y - 320 * math.sin(t):.0f}"
        for t in turns
    )
    a, b, c = _vary(digest[3], 0, 20), _vary(digest[4], 0, 18), _vary(digest[5], 0, 14)
    front = f"C70 {80 + b} 130 {124 - c} 210 {104 - c}S330 {88 + a} 368 {82 + c}"
    rows = "".join(f"M0 {98 + step}{_lowered(front, step)}" for step in (7, 14, 21))
    return (
        Shape(rays, stroke=inks.light, width=1.3),
        Shape(_disc(x, y, 29), inks.spark),
        Shape(f"M0 {66 + a}C60 {60 - b} 120 {62 + c} 180 {84 - b}S300 {50 + a} 368 {64 + b}V124H0z", inks.light),
        Shape(f"M0 98{front}V124H0z", inks.deep),
        Shape(rows, stroke=inks.light, width=1),
    )


def _lowered(curve: str, step: int) -> str:
    """The same curve further down: in our curves every second number is a y."""
    numbers = iter(range(99))
    return re.sub(r"\d+", lambda found: str(int(found[0]) + step * (next(numbers) % 2)), curve)


def _arcs(digest: bytes, inks: Palette) -> tuple[Shape, ...]:
    x, gap = _vary(digest[2], 154, 214), _vary(digest[3], 15, 19)
    rings = [f"M{x - r} 124a{r} {r} 0 0 1 {2 * r} 0" for r in range(gap * 2, 260, gap)]
    return (
        Shape("".join(rings[0::3]), stroke=inks.light, width=7),
        Shape("".join(rings[1::3]), stroke=inks.deep, width=7),
        Shape("".join(rings[2::3]), stroke=inks.light, width=2),
        Shape(_disc(x, 124, gap), inks.spark),
    )


def _stripes(digest: bytes, inks: Palette) -> tuple[Shape, ...]:
    x = _vary(digest[2], 112, 256)
    sea, glints, y = "", "", 70
    for row, height in enumerate((1, 2, 3, 5, 7, 9)):
        half = (36, 25, 31, 18, 23, 12)[row] + _vary(digest[3 + row], 0, 4)
        sea += f"M0 {y}h{x - half - 5}v{height}H0zM{x + half + 5} {y}H368v{height}H{x + half + 5}z"
        glints += f"M{x - half} {y}h{2 * half}v{height}h-{2 * half}z"
        y += height + 5
    sky = "".join(f"M0 {line}H368" for line in (14, 24, 36, 50))
    return (
        Shape(sky, stroke=inks.deep, width=1.5),
        Shape(f"M{x - 38} 65a38 38 0 0 1 76 0z", inks.spark),
        Shape(sea, inks.light),
        Shape(glints, inks.spark),
    )


def _lattice(digest: bytes, inks: Palette) -> tuple[Shape, ...]:
    half = (23, 46)[digest[2] % 2]  # 368 is a whole number of diamonds either way
    centres = range(0, PANEL_WIDTH + 1, half)

    def diamonds(picked: range, scale: float) -> str:
        w, h = round(half * scale), round(44 * scale)
        return "".join(f"M{x - w} 62l{w}-{h} {w} {h}-{w} {h}z" for x in picked)

    teeth = f"l{half // 2} 12 {half - half // 2}-12" * (len(centres) - 1)
    upturned = f"l{half // 2}-12 {half - half // 2} 12" * (len(centres) - 1)
    return (
        Shape(f"M0 0{teeth}zM0 124{upturned}z", inks.deep),
        Shape(diamonds(centres[1::2], 1), inks.light),
        Shape(diamonds(centres[0::2], 0.8), inks.deep),
        Shape(diamonds(centres[1::2], 0.68), inks.field),
        Shape(diamonds(centres[1::2], 0.4) + diamonds(centres[0::2], 0.3), inks.spark),
    )


def _moons(digest: bytes, inks: Palette) -> tuple[Shape, ...]:
    r, hollow = _vary(digest[2], 16, 19), _vary(digest[3], 8, 12)
    lit, dark = "", ""
    for step, bite in ((-3, None), (-2, hollow), (-1, 0), (1, 0), (2, hollow), (3, None)):
        x, waxing = 184 + step * 50 + (8 if step > 0 else -8), int(step < 0)
        dark += _disc(x, 62, r)
        if bite is not None:
            lit += f"M{x} {62 - r}a{r} {r} 0 0 {waxing} 0 {2 * r}a{bite} {r} 0 0 {1 - waxing} 0-{2 * r}z"
    stars = "".join(
        f"M{x} {y}l2 4 4 2-4 2-2 4-2-4-4-2 4-2z" for x, y in ((100, 22), (184, 6), (268, 22), (100, 90), (184, 106), (268, 90))
    )
    return (
        Shape(dark, inks.deep),
        Shape(lit + stars, inks.light),
        Shape(_disc(184, 62, 36), stroke=inks.light, width=1.3),
        Shape(_disc(184, 62, 29), inks.spark),
    )


def _peaks(digest: bytes, inks: Palette) -> tuple[Shape, ...]:
    tall = _vary(digest[2], 150, 218)
    peaks = ((tall - 96, _vary(digest[3], 44, 60), 84), (tall + 92, _vary(digest[4], 40, 62), 92), (tall, 20, 98))
    shapes = [Shape(_disc(tall + (58 if digest[5] % 2 else -58), 34, 22), inks.spark)]
    for x, top, half in peaks:
        slope = half / (124 - top)
        cuts = "".join(f"M{x + 12} {y}h{slope * (y - top) * 0.62 - 8:.0f}" for y in range(top + 30, 122, 8))
        shapes += [
            Shape(f"M{x} {top}L{x - half} 124H{x + half}z", inks.light),
            Shape(f"M{x} {top}L{x + half} 124H{x + 9}L{x - 9} {top + 46} {x + 5} {top + 27}z", inks.deep),
            Shape(cuts, stroke=inks.field, width=1.3),
        ]
    return tuple(shapes)


def _branch(digest: bytes, inks: Palette) -> tuple[Shape, ...]:
    lean = math.radians(_vary(digest[2], 46, 60))
    leaves, veins, cherries = "", "", ""
    for side in (-1, 1):
        for reach, turn, length in ((38, lean, 50), (80, lean, 46), (120, lean * 0.85, 40)):
            for up in (-1, 1):
                leaf, vein = _leaf(184 + side * reach, 62, side * math.cos(turn), up * math.sin(turn), length)
                leaves, veins = leaves + leaf, veins + vein
        leaf, vein = _leaf(184 + side * 136, 62, side, 0, 40)
        leaves, veins = leaves + leaf, veins + vein
        cherries += "".join(_disc(184 + side * reach, 62 + offset, 7) for reach in (62, 104) for offset in (-8, 8))
    cherries += "".join(_disc(184 + dx, 62 + dy, 8) for dx, dy in ((-10, -9), (10, -9), (0, 9)))
    return (
        Shape("M46 62H322", stroke=inks.light, width=2),
        Shape(leaves, inks.light),
        Shape(veins, stroke=inks.field, width=1.3),
        Shape(cherries, inks.spark, inks.field, 1.5),
    )


def _leaf(x: float, y: float, dx: float, dy: float, length: float) -> tuple[str, str]:
    """A leaf that grows from (x, y) towards (dx, dy), and its vein."""

    def at(along: float, across: float) -> str:
        return f"{x + length * (along * dx - across * dy):.0f} {y + length * (along * dy + across * dx):.0f}"

    return f"M{at(0, 0)}Q{at(0.45, 0.42)} {at(1, 0)}Q{at(0.45, -0.42)} {at(0, 0)}z", f"M{at(0.15, 0)}L{at(0.8, 0)}"


def _object(*paths: tuple[str, str, str, float]) -> Callable[[bytes, Palette], tuple[Shape, ...]]:
    """A still life: (path, fill, stroke, width) in names of inks, before a disc and on a table."""

    def draw(digest: bytes, inks: Palette) -> tuple[Shape, ...]:
        colours = {"": "none", "light": inks.light, "deep": inks.deep, "spark": inks.spark, "field": inks.field}
        side = _vary(digest[2], 0, 1) * 2 - 1
        backdrop = (
            Shape(_disc(184 + side * 34, 56, 46), inks.spark),
            Shape("M0 110H368V124H0z", inks.deep),
            Shape("M0 115H368M0 119.5H368", stroke=inks.field, width=1),
        )
        return backdrop + tuple(Shape(d, colours[fill], colours[stroke], width) for d, fill, stroke, width in paths)

    return draw


MOTIFS: dict[str, Callable[[bytes, Palette], tuple[Shape, ...]]] = {
    "hills": _hills,
    "arcs": _arcs,
    "stripes": _stripes,
    "lattice": _lattice,
    "moons": _moons,
    "peaks": _peaks,
    "branch": _branch,
    "kettle": _object(
        ("M152 92C112 96 134 46 104 40M212 48C260 34 262 92 222 94", "", "light", 6),
        ("M144 110L158 46H210L224 110z", "light", "", 0),
        ("M160 42Q184 20 208 42zM180 22h8v8h-8z", "light", "", 0),
        ("M152 76H216M149 92H219", "", "field", 1.3),
    ),
    "grinder": _object(
        ("M184 30V16H232", "", "light", 5),
        ("M232 8a6 6 0 0 1 6 6v12h-12v-12a6 6 0 0 1 6-6z", "deep", "", 0),
        ("M158 46Q160 26 184 26T210 46zM160 50H208V110H160z", "light", "", 0),
        ("M160 76H208V80H160z", "deep", "", 0),
        ("M168 50V76M176 50V76M184 50V76M192 50V76M200 50V76", "", "field", 1.3),
    ),
    "scales": _object(
        ("M116 92H252L258 110H110z", "light", "", 0),
        ("M166 97H202V105H166z", "deep", "", 0),
        ("M128 86H240V92H128z", "deep", "", 0),
        ("M206 52C232 46 232 76 200 74", "", "light", 5),
        ("M152 44H210C210 70 204 86 181 86S152 70 152 44z", "light", "", 0),
        ("M174 34q-7-8 0-15t0-13M189 34q-7-8 0-15t0-13", "", "light", 2),
    ),
    "dripper": _object(
        ("M220 32C256 28 248 62 204 60", "", "light", 6),
        ("M130 22H238L204 66H164z", "light", "", 0),
        ("M146 68H222V74H146z", "deep", "", 0),
        ("M162 76H206Q232 96 224 110H144Q136 96 162 76z", "light", "", 0),
        ("M142 97H226Q226 104 224 110H144Q142 104 142 97z", "deep", "", 0),
        ("M148 24L170 64M166 24L177 64M184 24V64M202 24L191 64M220 24L198 64", "", "field", 1.3),
    ),
    "cup": _object(
        ("M218 54C254 46 252 88 208 86", "", "light", 6),
        ("M140 46H224C224 80 214 100 182 100S140 80 140 46z", "light", "", 0),
        ("M122 102H242Q236 110 224 110H140Q128 110 122 102z", "light", "", 0),
        ("M166 36q-8-8 0-16t0-14M182 36q-8-8 0-16t0-14M198 36q-8-8 0-16t0-14", "", "light", 2),
        ("M142 56H222M143 62H221", "", "field", 1.3),
    ),
    "envelope": _object(
        ("M122 24H246V104H122z", "light", "", 0),
        ("M122 104L170 62M246 104L198 62", "", "field", 1.3),
        ("M122 24L184 74 246 24", "", "deep", 2),
        (_disc(184, 70, 12), "deep", "", 0),
        (_disc(184, 70, 8), "", "light", 1.3),
    ),
    "book": _object(
        ("M106 34L184 44 262 34V110H106z", "deep", "", 0),
        (
            "M184 38C166 24 136 22 114 28V100C136 96 166 96 184 108zM184 38C202 24 232 22 254 28V100C232 96 202 96 184 108z",
            "light",
            "",
            0,
        ),
        (
            "M126 44q24-4 46 8M126 56q24-4 46 8M126 68q24-4 46 8M126 80q24-4 46 8M242 44q-24-4-46 8M242 56q-24-4-46 8",
            "",
            "field",
            1.3,
        ),
        ("M184 38V108", "", "deep", 1.3),
        ("M216 92C204 84 208 70 222 68 232 74 230 90 216 92z", "deep", "", 0),
    ),
    "parcel": _object(
        ("M128 44H240V110H128z", "light", "", 0),
        ("M122 34H246V52H122z", "light", "field", 1.3),
        ("M178 34H190V110H178z", "deep", "", 0),
        ("M184 34C160 34 152 12 166 10S184 24 184 34C184 24 188 8 202 10S208 34 184 34z", "", "deep", 4),
    ),
}
