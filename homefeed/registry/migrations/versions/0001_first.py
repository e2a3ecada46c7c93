"""Releases, transitions, ingested windows, reports."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    time, stage = sa.DateTime(timezone=True), sa.String(16)
    op.create_table(
        "releases",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("bundle", sa.String(255), nullable=False),
        sa.Column("stage", stage, nullable=False),
        sa.Column("stage_since", time, nullable=False),
        sa.Column("created", time, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
    )
    op.create_table(
        "transitions",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("release", sa.String(255), sa.ForeignKey("releases.id"), nullable=False, index=True),
        sa.Column("at", time, nullable=False),
        sa.Column("from_stage", stage, nullable=False),
        sa.Column("to_stage", stage, nullable=False),
        sa.Column("verdict", sa.String(255), nullable=False),
        sa.Column("checks", sa.JSON, nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
    )
    op.create_table(
        "ingests",
        sa.Column("window", sa.String(255), primary_key=True),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("quarantined", sa.Integer, nullable=False),
        sa.Column("duplicate", sa.Integer, nullable=False),
        sa.Column("touched", sa.JSON, nullable=False),
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(255), nullable=False, index=True),
        sa.Column("window", sa.String(255), nullable=False),
        sa.Column("release", sa.String(255), nullable=False),
        sa.Column("path", sa.String(1000), nullable=False),
        sa.Column("summary", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    for table in ("reports", "ingests", "transitions", "releases"):
        op.drop_table(table)
