"""How commands speak: one clear sentence on standard error, a bar on a terminal and plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

import click

from app.extensions import Busy
from app.services.errors import BadFile, ShopError

PLAIN_LINE_EVERY = 10  # per cent


def fail(sentence: str) -> NoReturn:
    """Say what is wrong on standard error and exit with 1."""
    raise click.ClickException(sentence)


def speaks(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what services raise into one sentence on standard error and a non-zero exit."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except BadFile as error:
            for line, reason in error.problems:
                click.echo(f"line {line}: {reason}", err=True)
            fail(str(error))
        except ShopError as error:
            fail(str(error))
        except Busy:
            fail("The database is busy; nothing was changed. Try again in a moment.")

    return run


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """A function to call with how many more are done."""
    if sys.stderr.isatty():
        with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
            yield bar.update
        return
    done = told = 0

    def advance(count: int) -> None:
        nonlocal done, told
        done += count
        percent = 100 * done // max(length, 1)
        if percent >= told + PLAIN_LINE_EVERY:
            told = percent - percent % PLAIN_LINE_EVERY
            click.echo(f"{label}: {done} of {length}", err=True)

    yield advance
