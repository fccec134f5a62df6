"""Every kind of data.

Revision: 0002, after 0001. Columns that older rows lack are null there.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("content", sa.Text(), nullable=True))
    op.add_column("datasets", sa.Column("preview", sa.Text(), nullable=True))
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("data_hash", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["data_hash"], ["datasets.data_hash"], name="fk_uploads_data_hash_datasets"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_index("ix_uploads_created_at_id", "uploads", ["created_at", "id"])
    # Without a foreign key: SQLite would have to copy the table, and a study that is over
    # outlives what it was trained on.
    op.add_column("studies", sa.Column("dataset_id", sa.String(length=64), nullable=True))
    op.create_index("ix_studies_dataset_id", "studies", ["dataset_id"])
    op.create_index("ix_studies_data_hash", "studies", ["data_hash"])
    op.add_column("studies", sa.Column("front", sa.Text(), nullable=True))
    op.add_column("trials", sa.Column("complexity", sa.Text(), nullable=True))
    op.add_column("trials", sa.Column("feasible", sa.Boolean(), nullable=True))
    _name_the_built_in()


def _name_the_built_in() -> None:
    """Studies of the first version took their data from a path, or by a name."""
    connection = op.get_bind()
    studies = sa.table("studies", sa.column("id"), sa.column("spec"), sa.column("dataset_id"))
    for study_id, spec in connection.execute(sa.select(studies.c.id, studies.c.spec)).all():
        name = json.loads(spec)["dataset"].get("name")
        if name is not None:
            connection.execute(
                studies.update().where(studies.c.id == study_id).values(dataset_id=name)
            )


def downgrade() -> None:
    op.drop_column("trials", "feasible")
    op.drop_column("trials", "complexity")
    op.drop_column("studies", "front")
    op.drop_index("ix_studies_data_hash", "studies")
    op.drop_index("ix_studies_dataset_id", "studies")
    op.drop_column("studies", "dataset_id")
    op.drop_table("uploads")
    op.drop_column("datasets", "preview")
    op.drop_column("datasets", "content")
