"""Experiments."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    time, text = sa.DateTime(timezone=True), sa.String(2000)
    op.create_table(
        "experiments",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("layer", sa.String(255), nullable=False, index=True),
        sa.Column("knob", sa.String(255), nullable=False),
        sa.Column("arms", sa.JSON, nullable=False),
        sa.Column("started", time, nullable=False),
        sa.Column("started_by", sa.String(255), nullable=False),
        sa.Column("reason", text, nullable=False),
        sa.Column("stopped", time),
        sa.Column("stopped_by", sa.String(255), nullable=False),
        sa.Column("stopped_reason", text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("experiments")
