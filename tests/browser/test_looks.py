"""What shoppers see: contrast and structure, small screens, touch, print, and the rules that shop.css is written by."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser import scenes

CSS = Path(__file__).parents[2] / "app/static/shop.css"
ON_SQLITE = pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)
TYPED = "select, textarea, input:is([type=text], [type=search], [type=email], [type=tel], [type=password])"
TOUCHED = f"{TYPED}, button, .button, .choice label, .site-header a, .site-footer a"
SMALLEST_TARGET = 44  # CSS pixels


@pytest.fixture(scope="module")
def shop(live_server):
    return scenes.stock_up(live_server)


@pytest.mark.browser
@pytest.mark.timeout(300)
@ON_SQLITE
@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(shop, chromium, width, colour_scheme):
    # Colours are measured where nothing moves.
    tab = chromium(shop, viewport=(width, 800), colour_scheme=colour_scheme, reduced_motion="reduce")
    found = {}

    for scene in scenes.walk(tab):
        results = Axe().run(tab)
        if results.violations_count:
            found[scene] = results.generate_report()

    assert not found, "\n".join(f"--- {scene}\n{report}" for scene, report in found.items())


@pytest.mark.browser
@pytest.mark.timeout(300)
@ON_SQLITE
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("width", [240, 320])
def test_nothing_sticks_out_of_small_screens(shop, chromium, width, direction):
    tab = chromium(shop, viewport=(width, 600))
    tab.add_init_script(f"addEventListener('DOMContentLoaded', () => document.documentElement.dir = '{direction}')")
    wide = {}

    for scene in scenes.walk(tab):
        seen = tab.evaluate("document.documentElement.scrollWidth")
        if seen > width:
            wide[scene] = seen

    assert not wide


@pytest.mark.browser
@pytest.mark.timeout(300)
@ON_SQLITE
def test_fingers_hit_what_they_aim_at(shop, chromium):
    tab = chromium(shop, viewport=(320, 600))
    small = {}

    for scene in scenes.walk(tab):
        heights = tab.eval_on_selector_all(
            TOUCHED, "all => all.map(each => [each.outerHTML.slice(0, 90), each.getBoundingClientRect().height])"
        )
        if missed := [what for what, height in heights if height < SMALLEST_TARGET]:
            small[scene] = missed

    assert not small


@pytest.mark.browser
@ON_SQLITE
def test_a_receipt_prints_on_one_page(shop, chromium):
    tab = chromium(shop)
    scenes.put_in(tab)
    scenes.put_in(tab, "/p/gooseneck-kettle")
    scenes.ordered(tab)
    scenes.receipt(tab)

    pages = re.findall(rb"/Type\s*/Page\b", tab.pdf(format="A4"))
    tab.emulate_media(media="print")

    assert len(pages) == 1
    assert tab.get_by_role("heading", name="Order").first.is_visible()
    for hidden in (".site-header", ".site-footer", ".skip-link"):
        assert not tab.locator(hidden).is_visible()


@pytest.mark.browser
@ON_SQLITE
def test_without_custom_properties_there_are_still_colours(shop, chromium):
    tab = chromium(shop)
    style = re.sub(r"[^{};]*var\(--[^{};]*;", "", CSS.read_text())
    tab.route("**/*.css", lambda route: route.fulfill(body=style, content_type="text/css"))
    tab.goto("/p/yirgacheffe-kochere")

    colours = [
        tab.eval_on_selector(selector, f"each => getComputedStyle(each).{name}")
        for selector, name in (("body", "backgroundColor"), ("button:not([class])", "backgroundColor"), ("#quantity", "color"))
    ]

    assert colours == ["rgb(251, 247, 241)", "rgb(138, 59, 18)", "rgb(42, 29, 22)"]


@pytest.mark.parametrize(
    "rule",
    [
        r"!important",
        r"(?m)^[^{}\n]*#[\w-]+[^{};\n]*\{",  # selectors by id
        r"(margin|padding|border|inset)-(left|right|top|bottom)",
        r"(?<![-\w(])(width|height|left|right|top|bottom)\s*:",
        r"text-align:\s*(left|right)",
        r"(box|text)-shadow|gradient\(|@font-face|@import",
    ],
)
def test_the_style_sheet_keeps_its_rules(rule):
    assert not re.findall(rule, CSS.read_text())
