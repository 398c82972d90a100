"""How Alembic reaches the shop's database: through the app's own engine and settings."""

from alembic import context
from flask import current_app

from app.extensions import db

BY_HAND = ("product_search", "ix_product_search", "ix_customer_search")  # in their migrations; SQLAlchemy cannot describe them


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    return not (name or "").startswith(BY_HAND) or kind not in {"table", "index"}


def run() -> None:
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection = connection.execution_options(begin="IMMEDIATE")
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            include_name=include_name,
            render_as_batch=True,
            compare_type=True,
            transactional_ddl=True,
            **current_app.extensions["migrate"].configure_args.get("env", {}),
        )
        with context.begin_transaction():
            context.run_migrations()


run()
