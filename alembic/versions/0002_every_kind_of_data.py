"""Every kind of data.

Revision: 0002, after 0001. Columns that older rows lack are null there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("content", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("datasets", "content")
