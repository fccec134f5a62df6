"""Database time: what o'clock it is for records, and a clock for leases that nobody sets."""

import time
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.storage.columns import UtcDateTime

_SERVER_TIME = select(func.clock_timestamp(type_=UtcDateTime))


def now(session: Session) -> datetime:
    """The database's time, for records; asked once a transaction, so the same all through it.

    SQLite lives on this machine and shares its clock.
    """
    moment: datetime | None = session.info.get(now)
    if moment is None:
        if session.get_bind().dialect.name == "sqlite":
            moment = datetime.now(UTC)
        else:
            moment = session.execute(_SERVER_TIME).scalar_one()
        session.info[now] = moment
    return moment


def lease_clock(session: Session) -> float:
    """Seconds on the clock that leases are counted on.

    On PostgreSQL the server's. On SQLite every process is on this machine: its monotonic
    clock, which all of them share and which no one can set. It starts again at a boot, when
    every holder is gone too; `leases.granted` is how such an old expiry is recognised.
    """
    if session.get_bind().dialect.name == "sqlite":
        # The transaction begins first: it may wait for another writer, and time goes on.
        session.connection()
        return time.monotonic()
    return float(
        session.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
    )
