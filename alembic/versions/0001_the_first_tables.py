"""The first tables.

Revision: 0001, the first one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("data_hash", sa.String(length=128), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("dtype", sa.String(length=32), nullable=False),
        sa.Column("train", sa.BigInteger(), nullable=False),
        sa.Column("validation", sa.BigInteger(), nullable=False),
        sa.Column("test", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.Float(precision=53), nullable=False),
        sa.Column("high", sa.Float(precision=53), nullable=False),
        sa.Column("duplicates_across", sa.BigInteger(), nullable=False),
        sa.Column("scaling", sa.Text(), nullable=False),
        sa.Column("baselines", sa.Text(), nullable=False),
        sa.Column("test_openings", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("data_hash", name="pk_datasets"),
    )
    op.create_table(
        "dataset_keys",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("data_hash", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["data_hash"],
            ["datasets.data_hash"],
            name="fk_dataset_keys_data_hash_datasets",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name="pk_dataset_keys"),
    )
    op.create_table(
        "studies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("intent", sa.String(length=16), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("resolved", sa.Text(), nullable=False),
        sa.Column("spec_hash", sa.String(length=64), nullable=False),
        sa.Column("families", sa.Text(), nullable=False),
        sa.Column("metric", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("body_hash", sa.String(length=64), nullable=True),
        sa.Column("data_hash", sa.String(length=128), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Integer(), nullable=False),
        sa.Column("pruned", sa.Integer(), nullable=False),
        sa.Column("diverged", sa.Integer(), nullable=False),
        sa.Column("stopped", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("epochs", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(precision=53), nullable=False),
        sa.Column("best_trial", sa.Integer(), nullable=True),
        sa.Column("best_value", sa.Float(precision=53), nullable=True),
        sa.Column("best_complete", sa.Boolean(), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["data_hash"], ["datasets.data_hash"], name="fk_studies_data_hash_datasets"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
        sa.UniqueConstraint("idempotency_key", name="uq_studies_idempotency_key"),
    )
    op.create_index("ix_studies_created_at_id", "studies", ["created_at", "id"])
    op.create_index("ix_studies_name_id", "studies", ["name", "id"])
    op.create_table(
        "analyses",
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("cohort", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_analyses_study_id_studies", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", "kind", name="pk_analyses"),
    )
    op.create_table(
        "cohorts",
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("trials", sa.Text(), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_cohorts_study_id_studies", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", "index", name="pk_cohorts"),
    )
    op.create_table(
        "decisions",
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_decisions_study_id_studies", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", "sequence", name="pk_decisions"),
    )
    op.create_table(
        "events",
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_events_study_id_studies", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", "sequence", name="pk_events"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.Float(precision=53), nullable=False),
        sa.Column("granted", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name="fk_leases_study_id_studies", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", name="pk_leases"),
    )
    op.create_table(
        "arrays",
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("cohort", sa.Integer(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("trials", sa.Text(), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("saved_epoch", sa.Integer(), nullable=False),
        sa.Column("state_path", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id", "cohort"],
            ["cohorts.study_id", "cohorts.index"],
            name="fk_arrays_study_id_cohort_cohorts",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("study_id", "cohort", "index", name="pk_arrays"),
    )
    op.create_table(
        "trials",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cohort", sa.Integer(), nullable=False),
        sa.Column("array", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=True),
        sa.Column("best_epoch", sa.Integer(), nullable=True),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("rungs", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_id", "cohort", "array"],
            ["arrays.study_id", "arrays.cohort", "arrays.index"],
            name="fk_trials_study_id_cohort_array_arrays",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name="pk_trials"),
        sa.UniqueConstraint("study_id", "number", name="uq_trials_study_id_number"),
    )
    op.create_index("ix_trials_study_id_cohort_array", "trials", ["study_id", "cohort", "array"])
    op.create_table(
        "artifacts",
        sa.Column(
            "trial_key",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_key"], ["trials.key"], name="fk_artifacts_trial_key_trials", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_key", "kind", name="pk_artifacts"),
    )
    op.create_table(
        "epochs",
        sa.Column(
            "trial_key",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("objective_train", sa.Float(precision=53), nullable=True),
        sa.Column("objective_validation", sa.Float(precision=53), nullable=True),
        sa.Column("train", sa.Text(), nullable=False),
        sa.Column("validation", sa.Text(), nullable=False),
        sa.Column("effective_beta", sa.Float(precision=53), nullable=True),
        sa.Column("learning_rate", sa.Float(precision=53), nullable=False),
        sa.Column("gradient_norm", sa.Float(precision=53), nullable=True),
        sa.Column("seconds", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_key"], ["trials.key"], name="fk_epochs_trial_key_trials", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_key", "epoch", name="pk_epochs"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("epochs")
    op.drop_table("artifacts")
    op.drop_table("trials")
    op.drop_table("arrays")
    op.drop_table("leases")
    op.drop_table("events")
    op.drop_table("decisions")
    op.drop_table("cohorts")
    op.drop_table("analyses")
    op.drop_table("studies")
    op.drop_table("dataset_keys")
    op.drop_table("datasets")
