"""What all tests' apps compile to the same result, compiled once: every test has an app of its own, and most take less time."""

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.sql.elements import ClauseElement
from werkzeug.routing import Rule


def compile_all() -> None:
    compile_addresses()
    compile_statements()


def compile_addresses() -> None:
    """Let equal rules of all apps share what they are compiled to, which names no app; they are matched and built as ever."""
    compile_one, compiled = Rule.compile, dict[Any, dict[str, Any]]()

    def shared(self: Rule) -> None:
        kinds = tuple(self.map.converters.values())
        key = (self.rule, self.subdomain, repr(self.defaults), self.strict_slashes, self.merge_slashes, self.websocket, kinds)
        if key not in compiled:
            compile_one(self)
            functions = {name: getattr(self, name).__func__ for name in ("_build", "_build_unknown")}
            compiled[key] = {name: getattr(self, name) for name in ("_parts", "_trace", "_converters", "arguments")} | functions
        for name, value in compiled[key].items():
            setattr(self, name, value.__get__(self) if name.startswith("_build") else value)

    Rule.compile = shared  # type: ignore[method-assign]


def compile_statements() -> None:
    """Let equal statements to databases of one kind share their SQL. The first engine's dialect compiles them for all the others,
    which speak to the same SQLite or PostgreSQL; a connection still executes with its own.
    """
    compiled, dialects = dict[Any, Any](), dict[str, Dialect]()
    compile_one = ClauseElement._compile_w_cache

    def shared(self: ClauseElement, dialect: Dialect, *, compiled_cache: Any, **options: Any) -> Any:
        dialect = dialects.setdefault(dialect.name, dialect)
        return compile_one(self, dialect, compiled_cache=compiled if compiled_cache is not None else None, **options)

    ClauseElement._compile_w_cache = shared  # type: ignore[method-assign]
