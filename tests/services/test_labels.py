"""The drawn labels: safe whatever a product is called, and the same each time."""

from pathlib import Path
from xml.etree import ElementTree

import jinja2
import pytest

from app.services import labels, motifs

TEMPLATES = Path(__file__).parents[2] / "app/templates"
HOSTILE = [
    "<script>alert(1)</script>",
    "\"quotes\" 'and' ]]> & &amp;",
    "bell \x07 null \x00 \ufffe \ud800 end",
    "\u202egnitrever",
    "e" + "\u0301" * 500,
    "قهوة يمنية",
    "エチオピア" * 40,
    "W" * 5000,
    "a b " * 900,
    " ",
    "",
]


def svg_of(name: str, category: str = "", origin: str = "", notes: str = "") -> str:
    jinja = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined)
    drawing = labels.label_of(name, category=category, origin=origin, notes=notes)
    return jinja.get_template("catalog/label.svg").render(drawing=drawing)


@pytest.mark.parametrize("words", HOSTILE)
def test_any_words_make_well_formed_svg_of_harmless_elements(words):
    svg = svg_of(words, words, words, words)

    elements = list(ElementTree.fromstring(svg.encode()).iter())

    assert {element.tag.rpartition("}")[2] for element in elements} <= {"svg", "title", "g", "path", "text"}
    assert not {
        name for element in elements for name in element.attrib if name.startswith("on") or "href" in name or name == "style"
    }


@pytest.mark.parametrize("name", [*HOSTILE, "INFLATABLE POLITICAL GLOBE", "Donaudampfschifffahrtsgesellschaftskapitän " * 3])
@pytest.mark.parametrize("rest", ["", "MMM " * 100])
def test_words_stay_on_the_paper(name, rest):
    drawing = labels.label_of(name, category=rest, origin=rest, notes=rest)

    lines = [*drawing.name, *filter(None, (drawing.origin, drawing.notes))]

    assert all(labels.width_of(line.text, line.size * labels.ITALIC, line.tracking) <= labels.TEXT_WIDTH for line in lines)
    assert all(line.size * 0.78 <= line.y <= labels.TEXT_HEIGHT - line.size * 0.3 for line in lines)
    assert all(below.y - above.y >= above.size for above, below in zip(drawing.name, drawing.name[1:], strict=False))


def test_a_name_that_cannot_fit_is_cut_with_an_ellipsis():
    drawing = labels.label_of("Donaudampfschifffahrt " * 20, category="", origin="", notes="")

    assert len(drawing.name) == labels.NAME_LINES
    assert drawing.name[-1].text.endswith("…")


def test_a_product_always_has_the_same_label():
    assert svg_of("Yirgacheffe", "Single origin", "Ethiopia", "Jasmine") == svg_of(
        "Yirgacheffe", "Single origin", "Ethiopia", "Jasmine"
    )


def test_the_version_changes_with_each_word_on_the_label_and_with_the_drawing(monkeypatch):
    words = {"category": "Single origin", "origin": "Ethiopia", "notes": "Jasmine"}
    before = labels.version_of("Guji", **words)
    others = {labels.version_of("Guji", **words | {key: "other"}) for key in words} | {labels.version_of("Gujis", **words)}

    monkeypatch.setattr(labels, "DRAWING", labels.DRAWING + 1)

    assert len(before) == 8
    assert len({before, labels.version_of("Guji", **words), *others}) == 6


def test_characters_that_xml_forbids_are_dropped():
    drawing = labels.label_of("Gu\x00ji\x0b \ufffe\ud800Na\u202etural\r\n", category="", origin="", notes="")

    assert drawing.label.name == "Guji Natural"


def test_gear_is_drawn_as_what_its_name_says_and_the_rest_in_patterns():
    assert labels.label_of("Gooseneck Kettle", category="Brewing gear", origin="", notes="").motif == "kettle"
    assert labels.label_of("Kettle Crisps", category="", origin="", notes="").motif in (
        "hills",
        "arcs",
        "stripes",
        "lattice",
        "moons",
        "peaks",
    )


@pytest.mark.parametrize("motif", motifs.MOTIFS)
def test_every_motif_prints_a_small_picture(motif, monkeypatch):
    monkeypatch.setattr(motifs, "motif_of", lambda *_: motif)

    svg = svg_of("Nyeri AB", "Single origin", "Kenya, Nyeri", "Blackcurrant, grapefruit")

    assert 1000 < len(svg.encode()) < 2560
