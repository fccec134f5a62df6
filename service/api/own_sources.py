"""Families of one's own as they were when a study was made: their files may have changed since."""

from service.artifacts import ArtifactStore
from service.domain.records import Study
from service.errors import Conflict, NotFound
from trainers.family import Family
from trainers.own.description import OwnDescription
from trainers.registry import families, fingerprints, remembered_family, version_key

KEPT_BYTES = 64 << 20


def keep_sources(artifacts: ArtifactStore) -> None:
    """Keep what the present families of one's own are made of, for their models' sake."""
    for family in families().values():
        if family.own is not None:
            path = _path(fingerprints()[version_key(family.name)])
            artifacts.put_bytes(path, family.own.model_dump_json().encode())


def family_of_study(artifacts: ArtifactStore, study: Study, name: str) -> Family:
    """The family that a study's trials were trained as. Raises Conflict where it is gone."""
    recorded = study.versions.get(version_key(name))
    known = families().get(name)
    if known is not None and recorded == fingerprints().get(version_key(name)):
        return known
    try:
        with artifacts.open(_path(recorded or "")) as file:
            return remembered_family(OwnDescription.model_validate_json(file.read(KEPT_BYTES)))
    except NotFound:
        raise Conflict(
            f"the family {name} is not known here any more",
            f"start the service with --family and the file of {name}",
        ) from None


def _path(fingerprint: str) -> str:
    return f"families/{fingerprint or 'unknown'}.json"
