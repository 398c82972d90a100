"""Markdown of the shop's own texts as safe HTML. Owners' files are hostile too: what is rendered is cleaned."""

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

TAGS = {"p", "em", "strong", "ul", "ol", "li", "a", "br", "h3", "h4", "blockquote", "code", "hr"}
RENDER = MarkdownIt("commonmark", {"html": False})


@lru_cache(maxsize=1024)
def html(text: str) -> Markup:
    """The text as HTML with a few harmless tags; headings begin below the page's own."""
    rendered = RENDER.render(text)
    for level, lower in (("h2", "h4"), ("h1", "h3")):
        rendered = rendered.replace(f"<{level}>", f"<{lower}>").replace(f"</{level}>", f"</{lower}>")
    attributes = {"a": {"href"}}
    return Markup(
        nh3.clean(rendered, tags=TAGS, attributes=attributes, url_schemes={"http", "https", "mailto"}, link_rel="nofollow")
    )
