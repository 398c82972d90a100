"""Index what search looks through: trigrams on both databases, so that a part of a word is found too.

SQLite keeps them in two FTS5 tables beside `product`, one of the names alone, since a search of one column of a larger index
would walk all of a common word's matches. Triggers fill them only when the searched text changes, so that a sale never
touches them. PostgreSQL keeps two GIN indices.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES = {"product_search_name": "name_key", "product_search_text": "search_text"}


def sqlite_up(index: str, column: str) -> tuple[str, ...]:
    """One contentless index; the blank before the text makes the beginning of every word findable by two letters."""
    old = f"INSERT INTO {index}({index}, rowid, words) VALUES ('delete', old.id, ' ' || old.{column});"
    new = f"INSERT INTO {index}(rowid, words) VALUES (new.id, ' ' || new.{column});"
    return (
        f"CREATE VIRTUAL TABLE {index} USING fts5(words, content='', tokenize='trigram', columnsize=0)",
        f"CREATE TRIGGER {index}_insert AFTER INSERT ON product BEGIN {new} END",
        f"CREATE TRIGGER {index}_delete AFTER DELETE ON product BEGIN {old} END",
        f"CREATE TRIGGER {index}_update AFTER UPDATE OF {column} ON product WHEN old.{column} <> new.{column} BEGIN {old} {new} END",
    )


def sqlite_down(index: str, _column: str) -> tuple[str, ...]:
    return (*(f"DROP TRIGGER {index}_{event}" for event in ("insert", "delete", "update")), f"DROP TABLE {index}")


POSTGRESQL_UP = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX ix_product_search_name ON product USING gin (name_key gin_trgm_ops)",
    "CREATE INDEX ix_product_search_text ON product USING gin (search_text gin_trgm_ops)",
)
POSTGRESQL_DOWN = ("DROP INDEX ix_product_search_name", "DROP INDEX ix_product_search_text")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        statements = [statement for index in INDEXES.items() for statement in sqlite_up(*index)]
    else:
        statements = list(POSTGRESQL_UP)
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        statements = [statement for index in INDEXES.items() for statement in sqlite_down(*index)]
    else:
        statements = list(POSTGRESQL_DOWN)
    for statement in statements:
        op.execute(statement)
