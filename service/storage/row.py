"""The base of every ORM row: column types by annotation, constraints named alike everywhere."""

from datetime import datetime
from typing import Any

from sqlalchemy import Enum, Float, MetaData
from sqlalchemy.orm import DeclarativeBase

from service.domain.states import Intent, StudyState, TrialState
from service.storage.columns import Json, UtcDateTime

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(DeclarativeBase):
    """Base of every row; constraints are named alike on both databases."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {
        datetime: UtcDateTime,
        dict[str, Any]: Json,
        list[Any]: Json,
        float: Float(53),
        StudyState: Enum(StudyState, native_enum=False, length=16),
        TrialState: Enum(TrialState, native_enum=False, length=16),
        Intent: Enum(Intent, native_enum=False, length=16),
    }
