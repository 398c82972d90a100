"""Which migrations the code knows, and which one a database is at."""

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def head() -> str:
    """The revision that the code needs."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def is_known(revision: str) -> bool:
    """Whether the code is at least as new as that revision."""
    return revision in {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def current(t: Connection) -> str:
    """The revision of this database; "" for one without tables."""
    return MigrationContext.configure(t).get_current_revision() or ""
