"""An honest best: studies that repeat another one's best configs, and earlier results.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a foreign key: SQLite would have to copy the table.
    op.add_column("studies", sa.Column("parent_id", sa.String(length=64), nullable=True))
    op.create_index("ix_studies_parent_id", "studies", ["parent_id"])
    op.add_column("datasets", sa.Column("test_hash", sa.String(length=64), nullable=True))
    op.create_index("ix_datasets_test_hash", "datasets", ["test_hash"])
    op.create_table(
        "study_revisions",
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("best_trial", sa.Integer(), nullable=True),
        sa.Column("best_value", sa.Float(precision=53), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["studies.id"],
            name="fk_study_revisions_study_id_studies",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("study_id", "number", name="pk_study_revisions"),
    )


def downgrade() -> None:
    op.drop_table("study_revisions")
    op.drop_index("ix_datasets_test_hash", "datasets")
    op.drop_column("datasets", "test_hash")
    op.drop_index("ix_studies_parent_id", "studies")
    op.drop_column("studies", "parent_id")
