"""How templates compile: what they print is escaped, whatever it is, and what is safe already stays as it is."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from app import templating


class Drawn:
    def __html__(self) -> str:
        return "<b>&</b>"


class Unsafe(str):
    """A text of its own kind is a text all the same."""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("<script>", "&lt;script&gt;"),
        ("\"'&", "&#34;&#39;&amp;"),
        (Unsafe("<i>"), "&lt;i&gt;"),
        (Markup("<i>") + "<", "<i>&lt;"),
        (Drawn(), "<b>&</b>"),
        (7, "7"),
        (None, "None"),
        (["<"], "[&#39;&lt;&#39;]"),
    ],
)
@pytest.mark.parametrize(
    "source",
    [
        "{{ value }}",
        "{% macro shown(it) %}{{ it }}{% endmacro %}{{ shown(value) }}",
        "{% set shown %}{{ value }}{% endset %}{{ shown }}",
        "{% filter trim %}{{ value }}{% endfilter %}",
        "{% autoescape true %}{{ value }}{% endautoescape %}",
        "{% for it in [value] %}{{ it }}{% endfor %}",
        "{% block it %}{{ value }}{% endblock %}",
        "{{ value if value is not none else value }}",
    ],
)
def test_whatever_a_template_prints_is_escaped_once(app, source, value, shown):
    assert app.jinja_env.from_string(source).render(value=value) == shown


def test_joined_texts_are_escaped_and_safe_parts_kept(app):
    template = app.jinja_env.from_string("{{ part ~ '<' }} {{ '<'|e }} {{ part }}")

    assert template.render(part=Markup("<b>")) == "<b>&lt; &lt; <b>"


def test_every_template_escapes_with_the_shops_own_function(app):
    template = app.jinja_env.from_string("{{ value }}")

    assert template.root_render_func.__globals__["escape"] is templating.escape


def test_a_name_that_no_view_gave_is_an_error(app):
    with pytest.raises(UndefinedError, match="price"):
        app.jinja_env.from_string("{{ price }}").render()
