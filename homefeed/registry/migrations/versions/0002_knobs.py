"""Turns of the knobs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "knob_turns",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(255), nullable=False, index=True),
        sa.Column("value", sa.Float, nullable=True),
        sa.Column("release", sa.String(255), nullable=False),
        sa.Column("arm", sa.String(255), nullable=False),
        sa.Column("start", sa.Float, nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("knob_turns")
