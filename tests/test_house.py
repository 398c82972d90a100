"""House rules that no single room can keep: templates in use, settings documented, models as migrated, imports one way."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import jinja2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from jinja2 import meta

from app.config import SETTINGS
from app.extensions import db

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"
TEMPLATES = APP / "templates"
MODULES = sorted(APP.rglob("*.py"))
# Search indexes are made by hand in their migration; SQLAlchemy cannot describe them.
BY_HAND = re.compile(r"(ix_)?product_search|ix_customer_search|sqlite_")
OF_A_REQUEST = {"request", "session", "current_user", "flash", "url_for", "g", "current_app", "redirect", "render_template"}
# room → what nothing in it may import
ONE_WAY = {
    "models": ("app.services", "app.web", "app.cli", "app.api", "app.gateways", "flask", "flask_login", "flask_wtf", "wtforms"),
    "services": (
        "app.web",
        "app.cli",
        "app.api",
        "app.catalog",
        "app.cart",
        "app.checkout",
        "app.account",
        "app.staff",
        "app.site",
    ),
    "gateways": ("app.models", "app.services", "app.extensions", "app.web", "flask", "sqlalchemy"),
    "pretend": ("app.models", "app.services", "app.extensions", "app.providers", "sqlalchemy"),
    "extensions.py": ("app",),
    "money.py": ("app", "flask", "sqlalchemy"),
}


def test_every_template_is_used():
    templates = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*") if path.is_file()}
    named = [name for path in MODULES for name in strings(ast.parse(path.read_text()))]

    used: set[str] = set()
    reached = {template for template in templates if any(fnmatchcase(template, name) for name in named)}
    while reached - used:
        template = min(reached - used)
        used.add(template)
        reached |= templates & referenced_by(template)

    assert not templates - used


def strings(tree: ast.AST) -> Iterator[str]:
    """Every string of a module as a file name pattern; what an f-string fills in later may be any one name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            yield node.value.replace("[", "[[]")
        elif isinstance(node, ast.JoinedStr):
            pattern = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
            if re.search(r"\w\.\w+$|\*\.\w+$", pattern) and re.search(r"\w", pattern.rpartition(".")[0]):
                yield pattern


def referenced_by(template: str) -> set[str]:
    """What a template extends, includes and imports, by names that stand in it."""
    tree = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.i18n"]).parse((TEMPLATES / template).read_text())
    return {name.removeprefix("!") for name in meta.find_referenced_templates(tree) if name}


def test_every_setting_is_in_the_docs():
    documented = (ROOT / "docs" / "configuration.md").read_text()

    missing = [setting.name for setting in SETTINGS if not re.search(rf"\b{setting.name}\b", documented)]

    assert not missing


def test_the_models_are_what_the_migrations_make(app):
    def is_ours(name, _kind, _parents):
        return not BY_HAND.match(name or "")

    with app.app_context(), db.engine.connect() as connection:
        options = {"compare_type": True, "include_name": is_ours, "render_as_batch": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), db.metadata)

    assert differences == []


@pytest.mark.parametrize("room", [room for room in ONE_WAY if (APP / room).exists()])
def test_dependencies_point_one_way(room):
    paths = [path for path in MODULES if path.relative_to(APP).parts[0] == room]
    forbidden = ONE_WAY[room]

    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in paths
        for line, name in imports(path)
        if any(name == other or name.startswith(other + ".") for other in forbidden)
    ]

    assert not wrong


def test_services_know_no_request():
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((APP / "services").rglob("*.py"))
        for line, name in imports(path)
        if name.split(".")[0] in ("flask", "flask_login", "flask_wtf")
        and name.split(".")[-1] in OF_A_REQUEST | {"flask", "flask_login"}
    ]

    assert not wrong


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a module imports, inside functions too: `from app import web` is "app.web"."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *(node.module or "").split("."))).strip(".")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def test_the_rules_of_imports_can_fail(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.test_house.ROOT", tmp_path)
    module = tmp_path / "app" / "services" / "bad.py"
    module.parent.mkdir(parents=True)
    module.write_text("import flask\nfrom flask import request\nfrom .. import web\ndef late():\n    from app.cli import shop\n")

    assert [name for _, name in imports(module)] == ["flask", "flask.request", "app.web", "app.cli.shop"]
