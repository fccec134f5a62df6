"""The page that makes a study: a form and its YAML, the linter's answer, copies of studies."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse

from dashboards.new_study_words import FIELD_WORDS
from dashboards.rendering import PageRoute, no_study, page
from dashboards.views import as_wished
from service.api.dependencies import (
    Container,
    ContainerDependency,
    Records,
    find_dataset,
    page_of_datasets,
    read_records,
)
from service.api.drafts import DraftDependency, data_of, whole_catalog, write_draft
from service.domain.catalog import Catalog
from service.domain.configuration import best_config_spec
from service.domain.records import Study
from service.domain.spec import STUDY_ID, StudySpec
from service.errors import InvalidRequest, NotFound

MAX_NAME = 120
MOST_DATASETS = 200
FIRST_DATASET = "digits"
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9._+-]+")

router = APIRouter(route_class=PageRoute, include_in_schema=False)
answers = APIRouter(include_in_schema=False)
"""What the page's scripts ask; errors are problems, not pages."""


@router.get("/studies/new")
def show_new_study(
    request: Request,
    container: ContainerDependency,
    source: Annotated[str | None, Query(alias="from", pattern=STUDY_ID)] = None,
    trial: Annotated[int | None, Query(ge=0, le=999_999)] = None,
    dataset: Annotated[str | None, Query(pattern=STUDY_ID)] = None,
) -> HTMLResponse:
    """The form. `from`: begin as that study was asked for, `trial`: or with one trial's config;
    `dataset`: begin with that data set."""
    study = None
    if source is not None:
        with read_records(container.database) as records:
            study, document = _copied(records, source, trial)
    else:
        document = _begun(container, dataset)
    return page(
        "new_study.html",
        study=study,
        trial=trial if study is not None else None,
        yaml=write_draft(document),
        address=str(request.base_url).rstrip("/"),
    )


@answers.get("/studies/new/form")
def get_form(container: ContainerDependency) -> JSONResponse:
    """What the form is made from: schema, catalog, data sets, words."""
    datasets = [
        entry
        for origin in ("built-in", "upload")
        for entry in page_of_datasets(container, MOST_DATASETS, None, origin).items
    ]
    return _fresh(
        {
            "schema": StudySpec.model_json_schema(),
            "catalog": whole_catalog(container),
            "datasets": [each.model_dump(mode="json") for each in datasets],
            "words": {pointer: words._asdict() for pointer, words in FIELD_WORDS.items()},
        }
    )


@answers.post("/studies/new/check")
def check_draft(answer: DraftDependency) -> JSONResponse:
    """What a draft in YAML says, and what `studies:validate` says of it; always a 200."""
    return _fresh(answer.model_dump(mode="json"))


def _fresh(content: Any) -> JSONResponse:
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def _copied(records: Records, source: str, number: int | None) -> tuple[Study, dict[str, Any]]:
    study = records.studies.get(source)
    if study is None:
        raise no_study()
    if number is None:
        document = as_wished(study)
        name = study.name
    else:
        trial = records.trials.get(source, number)
        if trial is None:
            raise NotFound(
                f"study {study.name} has no trial {number} (yet)", "go back to the study's page"
            )
        # Its nulls are part of it: what is left out is resolved to a default.
        document = best_config_spec(study, trial).model_dump(mode="json")
        name = str(document["name"])
    stem = copy_stem(name)
    taken = {each.name for each in records.studies.page(200, None, None, None, stem, "name").items}
    if number is not None and name not in taken:
        return study, document
    return study, {**document, "name": copy_name(name, taken)}


def copy_stem(name: str) -> str:
    """The name without what tells its copies apart, short enough for a number."""
    return re.sub(r" copy(?: \d+)?$", "", name)[: MAX_NAME - 10].rstrip()


def copy_name(name: str, taken: set[str]) -> str:
    """`NAME copy`, or `NAME copy 2` and so on: the first that no study has."""
    stem = copy_stem(name)
    number = 1
    while (found := f"{stem} copy{'' if number == 1 else f' {number}'}") in taken:
        number += 1
    return found


def _begun(container: Container, dataset_id: str | None) -> dict[str, Any]:
    """A study that can be submitted as it stands: a data set and the plainest family for it."""
    name, kind = FIRST_DATASET, "image"
    use: dict[str, Any] = {"name": FIRST_DATASET}
    if dataset_id is not None:
        detail = find_dataset(dataset_id, container)
        if detail.use is None:
            raise InvalidRequest(
                "this data set has no id of its own: studies read it from a path",
                "clone one of its studies, or give the path in a new study",
            )
        name, use = detail.entry.name, dict(detail.use)
        kind = detail.entry.kind or _kind_of(container, use)
    family = plainest_family(container.catalog, kind)
    slug = _NOT_OF_A_NAME.sub("-", name).strip("-._+") or "study"
    return {"name": f"{slug[:80]}-{family}", "dataset": use, "family": family}


def _kind_of(container: Container, use: dict[str, Any]) -> str:
    header = data_of({"dataset": use}, container)
    return "image" if header is None else header.kind


def plainest_family(catalog: Catalog, kind: str) -> str:
    """The first family that reconstructs data of this kind; one that is made for it, if any."""
    able = [
        each
        for each in catalog.families.values()
        if kind in each.data_kinds and "reconstruct" in each.tasks
    ]
    made_for = [each for each in able if each.data_kinds[0] == kind and not each.likelihood]
    return next((each.name for each in [*made_for, *able]), "autoencoder")
