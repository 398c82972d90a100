"""The page inspector: the house rules of every page and fragment. A new rule is first written here, and nobody need recall it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib

NO_LABEL_NEEDED = {"hidden", "submit", "button", "reset", "image"}
# Text browsers show what these would hide, or ignore what they would do.
FORBIDDEN_ELEMENTS = {"template", "dialog", "datalist", "noscript", "style", "iframe", "marquee"}
FORBIDDEN_ATTRIBUTES = {"hidden", "formaction", "form", "style", "hx-boost", "hx-put", "hx-patch", "hx-delete", "hx-vars"}
# These rely on the same-origin check, so that the pages which carry them need no session (and can be cached).
NO_TOKEN_NEEDED = re.compile(r"(/[a-z]{2}(-[a-zA-Z]+)?)?/(cart|cart/.*|orders/hide|preferences)")
FRAGMENTS = "/fragments/"  # where GET answers a part of a page; the plain twin names the page itself

Complaint = tuple[Element | None, str]


@dataclass(frozen=True)
class Document:
    """A parsed page or fragment, and where to look for things in it."""

    root: Element
    source: str
    errors: tuple[tuple[int, str], ...]  # (line, html5lib's name of the mistake)
    quirks: bool = False

    @cached_property
    def elements(self) -> list[Element]:
        return [element for element in self.root.iter() if isinstance(element.tag, str)]

    @cached_property
    def parents(self) -> dict[Element, Element]:
        return {child: parent for parent in self.root.iter() for child in parent}

    @cached_property
    def ids(self) -> set[str]:
        return {element.get("id", "") for element in self.elements} - {""}

    def every(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    def by_id(self, name: str) -> Element | None:
        return next((element for element in self.elements if element.get("id") == name), None)

    def closest(self, element: Element, *tags: str) -> Element | None:
        """The nearest of these around the element, itself included."""
        above: Element | None = element
        while above is not None and above.tag not in tags:
            above = self.parents.get(above)
        return above

    def label(self, control: Element) -> str:
        """What the label of a form control says; "" without one."""
        texts = [text(label) for label in self.every("label") if control.get("id") and label.get("for") == control.get("id")]
        around = self.closest(control, "label")
        return " ".join(texts + ([text(around)] if around is not None else []))


def parse_page(html: str) -> Document:
    parser = html5lib.HTMLParser(html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    root = parser.parse(html)
    return Document(root, html, mistakes(parser), quirks=parser.compatMode != "no quirks")


def parse_fragment(html: str) -> Document:
    """The parts of a fragment as children of one made-up element. A lone table row is parsed as the row that it is."""
    first = re.match(r"\s*<(\w+)", html)
    container = {"tr": "tbody", "td": "tr", "th": "tr", "tbody": "table", "option": "select"}.get(
        first[1] if first else "", "div"
    )
    parser = html5lib.HTMLParser(html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    return Document(parser.parseFragment(html, container=container), html, mistakes(parser))


def mistakes(parser: html5lib.HTMLParser) -> tuple[tuple[int, str], ...]:
    return tuple((position[0], f"{name} {values or ''}".strip()) for position, name, values in parser.errors)


def text(element: Element) -> str:
    """What an element says, white space collapsed; blocks and cells stand apart, as they do on paper."""
    return " ".join("".join(pieces(element)).split())


INLINE = {
    "a",
    "abbr",
    "b",
    "bdi",
    "code",
    "em",
    "i",
    "mark",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "time",
    "u",
    "data",
    "del",
    "ins",
}


def pieces(element: Element) -> Iterator[str]:
    if element.tag in ("script", "style", "head"):
        return
    edge = "" if element.tag in INLINE else " "
    yield edge
    if isinstance(element.tag, str):
        yield element.text or ""
    for child in element:
        yield from pieces(child)
        yield child.tail or ""
    yield edge


# --- rules: each yields the element that breaks it, and a sentence ---


def parses_without_errors(page: Document) -> Iterator[Complaint]:
    for line, name in page.errors:
        yield None, f"line {line}: the parser had to mend: {name}"


def doctype_and_language(page: Document) -> Iterator[Complaint]:
    if page.quirks:
        yield None, "the page does not begin with <!doctype html>"
    if not page.root.get("lang"):
        yield page.root, "<html> has no lang"


def one_h1_that_starts_the_title(page: Document) -> Iterator[Complaint]:
    h1s, title = page.every("h1"), page.root.find("head/title")
    if len(h1s) != 1:
        yield None, f"the page has {len(h1s)} h1; it has exactly one"
        return
    said = " ".join((title.text or "").split()) if title is not None else ""
    if not text(h1s[0]) or not said.removeprefix("Error: ").startswith(text(h1s[0])):
        yield h1s[0], f"the title “{said}” does not start with the h1 “{text(h1s[0])}”"


def unique_ids(page: Document) -> Iterator[Complaint]:
    seen: set[str] = set()
    for element in page.elements:
        name = element.get("id")
        if name is None:
            continue
        if not name or re.search(r"\s", name):
            yield element, f"“{name}” cannot be an id"
        if name in seen:
            yield element, f"the id “{name}” stands on two elements"
        seen.add(name)


def labelled_controls(page: Document) -> Iterator[Complaint]:
    for control in page.every("input", "select", "textarea"):
        if control.tag == "input" and control.get("type", "text") in NO_LABEL_NEEDED:
            continue
        if not page.label(control).strip():
            yield control, "has no label with words in it"


def forms_say_where_and_how(page: Document) -> Iterator[Complaint]:
    for form in page.every("form"):
        if not form.get("action"):
            yield form, "a form without action"
        if form.get("method", "").lower() not in ("get", "post"):
            yield form, "a form without method"


def post_forms_carry_a_token(page: Document) -> Iterator[Complaint]:
    for form in page.every("form"):
        if form.get("method", "").lower() != "post" or NO_TOKEN_NEEDED.fullmatch(urlsplit(form.get("action", "")).path):
            continue
        if not any(field.get("name") == "csrf_token" and field.get("value") for field in form.iter("input")):
            yield form, "a POST form without csrf_token"


def htmx_has_a_plain_twin(page: Document) -> Iterator[Complaint]:
    for element in page.elements:
        form = page.closest(element, "form")
        method = form.get("method", "").lower() if form is not None else ""
        if (url := element.get("hx-get")) is not None:
            twin = (
                element.get("href")
                if element.tag == "a"
                else form.get("action")
                if form is not None and method == "get"
                else None
            )
            if twin is None:
                yield element, "hx-get sits neither on an <a href> nor on (or in) a GET form"
            elif url != twin and not urlsplit(url).path.startswith(FRAGMENTS):
                yield element, f"hx-get and its plain twin “{twin}” name different pages"
        if (url := element.get("hx-post")) is not None:
            if form is None or method != "post" or element.tag not in ("form", "fieldset", "button", "input", "select"):
                yield element, "hx-post sits neither on a POST form nor on a control in one"
            elif url != form.get("action"):
                yield element, f"hx-post and its plain twin “{form.get('action')}” name different URLs"


def htmx_says_target_and_swap(page: Document) -> Iterator[Complaint]:
    for element in page.elements:
        if element.get("hx-get") is None and element.get("hx-post") is None:
            continue
        for name in ("hx-target", "hx-swap"):
            if not element.get(name):
                yield element, f"has no {name} of its own"


def htmx_targets_exist(page: Document) -> Iterator[Complaint]:
    for element in page.elements:
        target = element.get("hx-target", "")
        if target.startswith("#") and target[1:] not in page.ids:
            yield element, f"its hx-target {target} is not on the page"


def nothing_out_of_band_at_first(page: Document) -> Iterator[Complaint]:
    for element in page.elements:
        if element.get("hx-swap-oob") not in (None, "false"):
            yield element, "a whole page has nothing out of band"


def no_inline_script(page: Document) -> Iterator[Complaint]:
    for script in page.every("script"):
        if not script.get("src") and script.get("type") != "application/ld+json":
            yield script, "an inline script"
    for element in page.elements:
        for name, value in element.attrib.items():
            if re.fullmatch(r"on[a-z]+|hx-on.*", name):
                yield element, f"script in the attribute {name}"
            if name in ("href", "src", "action") and value.strip().lower().startswith("javascript:"):
                yield element, f"script in the attribute {name}"


def nothing_that_text_browsers_leak(page: Document) -> Iterator[Complaint]:
    for element in page.elements:
        if element.tag in FORBIDDEN_ELEMENTS:
            yield element, f"<{element.tag}> is not used here"
        for name in sorted(FORBIDDEN_ATTRIBUTES & set(element.attrib)):
            yield element, f"the attribute {name} is not used here"


def images_have_words_and_size(page: Document) -> Iterator[Complaint]:
    for image in page.every("img"):
        for name in ("alt", "width", "height"):
            if not image.get(name, "").strip():
                yield image, f"an image without {name}"


def tables_have_captions(page: Document) -> Iterator[Complaint]:
    for table in page.every("table"):
        caption = table.find("caption")
        if caption is None or not text(caption):
            yield table, "a table without caption"


def references_have_targets(page: Document) -> Iterator[Complaint]:
    for element in page.elements:
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls", "aria-errormessage"):
            for target in element.get(name, "").split():
                if target not in page.ids:
                    yield element, f"{name} points to “{target}”, which is not on the page"
        href = element.get("href", "")
        if element.tag == "a" and len(href) > 1 and href.startswith("#") and href[1:] not in page.ids:
            yield element, f"links to {href}, which is not on the page"


def each_part_is_one_element_with_an_id(fragment: Document) -> Iterator[Complaint]:
    parts = list(fragment.root)
    if re.search(r"<!doctype|<(html|head|body)\b", fragment.source, re.IGNORECASE):
        yield None, "a whole page where a fragment belongs"
    if (fragment.root.text or "").strip() or any((part.tail or "").strip() for part in parts):
        yield None, "text beside the parts; each part is one element"
    if not [part for part in parts if part.tag != "title"]:
        yield None, "a fragment without any part"
    for number, part in enumerate(parts):
        # <title> is what htmx itself takes for the page's title; #live is filled by a wrapper that never lands on the page
        if part.get("id") or (part.tag == "title" and number == 0) or ":" in part.get("hx-swap-oob", ""):
            continue
        if isinstance(part.tag, str):
            yield part, "a part without an id"


EVERYWHERE: tuple[Callable[[Document], Iterator[Complaint]], ...] = (
    parses_without_errors,
    unique_ids,
    forms_say_where_and_how,
    post_forms_carry_a_token,
    htmx_says_target_and_swap,
    no_inline_script,
    nothing_that_text_browsers_leak,
    images_have_words_and_size,
    tables_have_captions,
)
# What needs the rest of the page to be judged.
WHOLE_PAGE = (
    doctype_and_language,
    one_h1_that_starts_the_title,
    labelled_controls,
    htmx_has_a_plain_twin,
    htmx_targets_exist,
    nothing_out_of_band_at_first,
    references_have_targets,
)


def inspect_page(html: str, where: str = "page") -> Document:
    """The page, parsed. Raises AssertionError naming each broken rule and the element that breaks it."""
    page = parse_page(html)
    judge(page, EVERYWHERE + WHOLE_PAGE, where)
    return page


def inspect_fragment(html: str, where: str = "fragment") -> Document:
    """The fragment, parsed: a made-up root with the parts as children. Raises AssertionError as `inspect_page` does."""
    fragment = parse_fragment(html)
    judge(fragment, (*EVERYWHERE, each_part_is_one_element_with_an_id), where)
    return fragment


def judge(document: Document, rules: tuple[Callable[[Document], Iterator[Complaint]], ...], where: str) -> None:
    lines = []
    for rule in rules:
        for element, sentence in rule(document):
            snippet = f"\n    {start_tag(element)}" if element is not None else ""
            lines.append(f"{where}:{line_of(element, document.source)}: {rule.__name__}: {sentence}{snippet}")
    if lines:
        raise AssertionError("the page breaks house rules\n" + "\n".join(lines))


def start_tag(element: Element) -> str:
    attributes = "".join(f' {name}="{value}"' if value else f" {name}" for name, value in element.attrib.items())
    return f"<{element.tag}{attributes}>{text(element)[:60]}"


def line_of(element: Element | None, source: str) -> int:
    """The line that the element most likely starts on: the parser does not say, so its most telling attribute is looked for."""
    if element is None:
        return 1
    telling = (f'{name}="{element.get(name)}"' for name in ("id", "name", "action", "href", "src", "class") if element.get(name))
    for clue in (*telling, f"<{element.tag}"):
        if (position := source.find(clue)) >= 0:
            return source.count("\n", 0, position) + 1
    return 1
