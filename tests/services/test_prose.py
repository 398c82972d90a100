"""Descriptions: what a reader sees of Markdown, and what is kept of foreign HTML."""

import html

import pytest
from markdown_it import MarkdownIt

from app.services import prose


@pytest.mark.parametrize(
    ("description", "summary"),
    [
        ("# Cup\n\nA [good](https://example.com) *cup*\nof clay.\n\nMore.", "A good cup of clay."),
        ("![](cup.jpg)\n\n- Clay", "Clay"),
        ("word " * 40, "word " * 23 + "word…"),
        ("", ""),
    ],
)
def test_the_summary_is_the_first_paragraph_in_plain_words(description, summary):
    assert prose.summary(description) == summary
    assert len(summary) <= 120


@pytest.mark.parametrize(
    ("body", "markdown"),
    [
        ("<p>One <b>two </b>three</p><p>four</p>", "One **two** three\n\nfour"),
        ("<h1>Head</h1>text<br><br/>more", "## Head\n\ntext\\\nmore"),
        ("<ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li></ul>", "- a\n- b\n    1. c\n    2. d"),
        ("<table><tr><td>a</td><td>b</td></tr></table><blockquote>q</blockquote>", "a · b\n\n> q"),
        ('<a href="https://example.com/a (b)">x</a> <a href="/pages/y">y</a>', "[x](https://example.com/a%20%28b%29) y"),
        ("Tom &amp; Jerry &amp;lt; 5 &gt; 4 &lt; 6", "Tom & Jerry &amp;lt; 5 > 4 &lt; 6"),
        ("  ", ""),
    ],
)
def test_html_becomes_markdown(body, markdown):
    assert prose.from_html(body) == markdown


def test_nothing_dangerous_is_kept_of_a_body():
    body = (
        "<script>alert(1)</script><style>p{}</style><p onclick='x()'>Safe &lt;script&gt;alert(2)&lt;/script&gt;"
        "<img src=x onerror=alert(3)> <a href='javascript:alert(4)'>click</a> <a href='https://example.com/'>here</a></p>"
    )
    assert prose.from_html(body) == "Safe &lt;script>alert(2)&lt;/script> click [here](https://example.com/)"


@pytest.mark.parametrize(
    "text", ["# no head", "- no list", "1. no list", "*no* _emphasis_ `code`", "> no quote", "[no](link)", "a\\\\b", "---"]
)
def test_text_that_looks_like_markdown_stays_text(text):
    shown = MarkdownIt("commonmark").render(prose.from_html(f"<p>{html.escape(text)}</p>"))

    assert shown == f"<p>{html.escape(text)}</p>\n"


def test_search_looks_through_words_not_marks():
    assert prose.words("A **bold** [word](https://example.com) &amp; more") == "A bold word & more"
