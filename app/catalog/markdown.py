"""Markdown of the shop's own texts as safe HTML. Owners' files are hostile too: what is rendered is cleaned."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

TAGS = {"p", "em", "strong", "ul", "ol", "li", "a", "br", "h2", "h3", "h4", "blockquote", "code", "hr"}
HEADING = re.compile(r"(</?h)([1-6])>")
LOWEST = 4
RENDER = MarkdownIt("commonmark", {"html": False})


@lru_cache(maxsize=1024)
def html(text: str, top: int = 3) -> Markup:
    """The text as HTML with a few harmless tags; its headings begin at the level `top`, below the page's own."""
    rendered = HEADING.sub(lambda found: f"{found[1]}{min(int(found[2]) + top - 1, LOWEST)}>", RENDER.render(text))
    attributes = {"a": {"href"}}
    return Markup(
        nh3.clean(rendered, tags=TAGS, attributes=attributes, url_schemes={"http", "https", "mailto"}, link_rel="nofollow")
    )
