"""Compiling the shop's addresses once for all tests: every test has an app of its own, and most are over in less time."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


def compile_once() -> None:
    """Let equal rules of all apps share the function that builds their address; it takes its converters from the rule itself."""
    build, built = Rule._compile_builder, dict[Any, Callable[..., tuple[str, str]]]()

    def shared(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (tuple(self._trace), repr(self.defaults), append_unknown)
        if key not in built:
            built[key] = build(self, append_unknown)
        return built[key]

    Rule._compile_builder = shared  # type: ignore[method-assign]
