"""Who moved a release by hand; holds of releases; alerts, their evaluations, silences, deliveries and failed tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    time, text = sa.DateTime(timezone=True), sa.String(2000)
    op.add_column("transitions", sa.Column("who", sa.String(255), nullable=False, server_default=""))
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("release", sa.String(255), sa.ForeignKey("releases.id"), nullable=False, index=True),
        sa.Column("since", time, nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("reason", text, nullable=False),
        sa.Column("ended", time),
        sa.Column("ended_by", sa.String(255), nullable=False),
        sa.Column("ended_reason", text, nullable=False),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("rule", sa.String(255), nullable=False, index=True),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("holds", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("since", time, nullable=False),
        sa.Column("fired", time),
        sa.Column("clear_since", time),
        sa.Column("resolved", time),
        sa.Column("value", sa.Float),
        sa.Column("told", time),
        sa.Column("end_told", time),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("closed_by", sa.String(255), nullable=False),
        sa.Column("closed_reason", text, nullable=False),
    )
    op.create_table(
        "evaluations",
        sa.Column("by", sa.String(255), primary_key=True),
        sa.Column("at", time, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("matcher", sa.JSON, nullable=False),
        sa.Column("since", time, nullable=False),
        sa.Column("until", time, nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("reason", text, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("sink", sa.String(255), nullable=False, index=True),
        sa.Column("message", sa.JSON, nullable=False),
        sa.Column("created", time, nullable=False),
        sa.Column("next_at", time, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("delivered", time),
        sa.Column("refused", time),
        sa.Column("error", text, nullable=False),
    )
    op.create_table(
        "failures",
        sa.Column("dag", sa.String(255), primary_key=True),
        sa.Column("task", sa.String(255), primary_key=True),
        sa.Column("run", sa.String(255), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("error", text, nullable=False),
    )


def downgrade() -> None:
    for table in ("failures", "deliveries", "silences", "evaluations", "alerts", "holds"):
        op.drop_table(table)
    with op.batch_alter_table("transitions") as batch:
        batch.drop_column("who")
