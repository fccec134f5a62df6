"""What must be there before anything starts: the data directory and a current database."""

from service.commands.exits import Exit, Stop
from service.errors import ServiceError
from service.settings import Settings
from service.storage.migration import migrate
from trainers import registry
from trainers.own.description import OwnFamilyError


def prepare(settings: Settings) -> None:
    """Make the data directory, and bring the database to this version's schema. Raises Stop."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(Exit.USAGE, f"cannot use the data directory: {error}") from None
    try:
        migrate(settings.database_url)
    except ServiceError as error:
        raise Stop(Exit.NOT_REACHABLE, f"{error.detail}: {error.remedy}") from None
    except ValueError as error:
        raise Stop(Exit.USAGE, f"the database URL is not valid: {error}") from None


def look_at_families(settings: Settings) -> None:
    """Find out what the operator's own modules are. Raises Stop for one that is no family."""
    registry.use_sources(settings.families)
    try:
        registry.families()
    except OwnFamilyError as error:
        raise Stop(Exit.USAGE, str(error)) from None
