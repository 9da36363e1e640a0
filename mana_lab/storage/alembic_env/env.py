"""What Alembic runs: the steps on the connection that it was handed, in that one's transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
