"""Experiments that interleave two releases."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("experiments", sa.Column("releases", sa.JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    with op.batch_alter_table("experiments") as table:
        table.drop_column("releases")
