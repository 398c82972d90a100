"""Descriptions: HTML from elsewhere turned into Markdown, and Markdown told in a few plain words."""

import html
import itertools
import re
from functools import lru_cache
from html.parser import HTMLParser

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

SUMMARY_LENGTH = 120
SUMMARY_READS = 4000  # characters in which the first paragraph is looked for
DEEPEST_LIST = 5

# ------------------------------------------------------------------------------------------------ Markdown to plain words

_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# What may mean something in Markdown; text without any of it is a paragraph already, and need not be parsed.
_MARKUP = re.compile(r"[\\`*_\[\]<>#&~]|^\s*(?:[-+]|\d+[.)])\s|^(?: {4}|\t)|^\s*(?:=+|-+)\s*$", re.MULTILINE)
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)")
_MARKS = re.compile(r"[\\`*_\[\]#]+")


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def summary(markdown: str) -> str:
    """The first paragraph as one line of plain text, cut at a word: at most SUMMARY_LENGTH characters."""
    first = _BLANK_LINE.split(markdown, maxsplit=1)[0]
    if _MARKUP.search(first):
        first = _first_paragraph(markdown[:SUMMARY_READS])
    return shorten(" ".join(first.split()), SUMMARY_LENGTH)


def _first_paragraph(markdown: str) -> str:
    tokens = _parser().parse(markdown)
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "paragraph_open" and (text := _text(inline)).strip():
            return text
    return ""


def _text(token: Token) -> str:
    if token.children:
        return "".join(_text(child) for child in token.children)
    return " " if token.type in {"softbreak", "hardbreak"} else token.content


def shorten(text: str, longest: int) -> str:
    """The text, or as many of its words as fit with an ellipsis."""
    if len(text) <= longest:
        return text
    head = text[:longest]
    return (head.rpartition(" ")[0] or head[:-1]).rstrip(" ,;:.–—-") + "…"


def words(markdown: str) -> str:
    """All that a reader would see of it, roughly: for search, which needs no order and no marks."""
    if not _MARKUP.search(markdown):
        return markdown
    return html.unescape(_MARKS.sub("", _LINK_TARGET.sub("]", markdown)))


# ------------------------------------------------------------------------------------------------ HTML to Markdown

_BLOCKS = {"p", "div", "section", "article", "tr", "blockquote", "pre", "hr", "table", "dl", "dt", "dd", "figure", "figcaption"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_LISTS = {"ul", "ol"}
_INLINE = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_KEPT = _BLOCKS | _HEADINGS | _LISTS | set(_INLINE) | {"li", "br", "a", "td", "th"}
_SILENT = {"script", "style", "title", "noscript", "template", "iframe", "object", "textarea", "select", "svg", "math"}
_SCHEMES = {"http", "https", "mailto"}
_SPECIAL = re.compile(r"[\\`*_\[\]]")
_START = re.compile(r"^(?:#{1,6}(?=\s|$)|[-+](?=\s|$)|=+$|-+$|~{3}|>)")  # of a line: a heading, a list, a fence, a quotation
_NUMBER = re.compile(r"^(\d+)(?=[.)](?:\s|$))")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_IN_ADDRESS = {" ": "%20", "(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C"}


def from_html(body: str) -> str:
    """The HTML's text as Markdown: paragraphs, headings, lists, emphasis and links to web and mail addresses.

    Everything else is dropped: scripts and styles with their content, other tags without it. Text that looks like HTML or
    Markdown is escaped, so that it stays text.
    """
    if not body.strip():
        return ""
    harmless = nh3.clean(
        body, tags=_KEPT, clean_content_tags=_SILENT, attributes={"a": {"href"}}, url_schemes=_SCHEMES, link_rel=None
    )
    writer = _MarkdownWriter()
    writer.feed(harmless)
    writer.close()
    writer.end_block()
    return writer.markdown()


class _MarkdownWriter(HTMLParser):
    """Writes Markdown from HTML that nh3 has made harmless and well-formed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[bool, str]] = []  # (is a list's line, Markdown)
        self.text: list[str] = []  # of the block that is being read
        self.open: list[tuple[str, int, str]] = []  # (tag, where it began in text, address) of emphasis and links
        self.lists: list[int | None] = []  # the next number of each list we are in; None has bullets
        self.prefix = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _INLINE or tag == "a":
            self.open.append((tag, len(self.text), dict(attrs).get("href") or ""))
        elif tag == "br":
            self.text.append("\n")
        elif tag in {"td", "th"}:
            self.text.append(" · " if "".join(self.text).strip() else "")
        else:
            self.end_block()
            self.begin_block(tag)

    def begin_block(self, tag: str) -> None:
        if tag in _LISTS:
            self.lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            number = self.lists[-1] if self.lists else None
            if number is not None:
                self.lists[-1] = number + 1
            self.prefix = self.indent(len(self.lists) - 1) + ("- " if number is None else f"{number}. ")
        elif tag in _HEADINGS:
            self.prefix = self.prefix or "## "
        elif tag == "blockquote":
            self.prefix = self.prefix or "> "

    def handle_endtag(self, tag: str) -> None:
        if tag in _INLINE or tag == "a":
            self.end_inline(tag)
        elif tag not in {"br", "td", "th"}:
            self.end_block()
            if tag in _LISTS and self.lists:
                self.lists.pop()

    def handle_data(self, data: str) -> None:
        # "<" as an entity, so that neither a lax renderer nor a reader of the source sees a tag.
        plain = _SPECIAL.sub(r"\\\g<0>", re.sub(r"\s+", " ", data))
        self.text.append(_ENTITY.sub("&amp;", plain).replace("<", "&lt;"))

    def end_inline(self, tag: str) -> None:
        """Put the marks around what stood in the tag, its blanks outside them."""
        if not self.open or self.open[-1][0] != tag:
            return
        _, began, address = self.open.pop()
        inside = "".join(self.text[began:])
        core = inside.strip()
        if not core or (tag == "a" and address.partition(":")[0].lower() not in _SCHEMES):
            return
        if tag == "a":
            marked = f"[{core}]({''.join(_IN_ADDRESS.get(char, char) for char in address)})"
        else:
            marked = core if "*" in core.replace("\\*", "") else _INLINE[tag] + core + _INLINE[tag]
        lead, trail = inside[: len(inside) - len(inside.lstrip())], inside[len(inside.rstrip()) :]
        self.text[began:] = [lead + marked + trail]

    def end_block(self) -> None:
        """Keep what was read since the last block. Emphasis that spans blocks is let go."""
        lines = [" ".join(line.split()) for line in "".join(self.text).split("\n")]
        text = "\\\n".join(_NUMBER.sub(r"\1\\", _START.sub(r"\\\g<0>", line)) for line in lines if line)
        if text:
            in_list = bool(self.lists)
            self.blocks.append((in_list, (self.prefix or self.indent(len(self.lists))) + text))
            self.prefix = ""
        self.text, self.open = [], []

    def indent(self, depth: int) -> str:
        return "    " * min(depth, DEEPEST_LIST)

    def markdown(self) -> str:
        parts: list[str] = []
        for number, (in_list, text) in enumerate(self.blocks):
            if number:
                parts.append("\n" if in_list and self.blocks[number - 1][0] else "\n\n")
            parts.append(text)
        return "".join(parts)
