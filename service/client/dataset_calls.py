"""The calls about data sets: upload, list, look, delete."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from service.client.datasets import (
    DatasetHandle,
    OnSent,
    as_file,
    chunks,
    kind_of,
    name_of,
    options_of,
)
from service.client.transport import Transport
from service.domain.records import DatasetDetail, DatasetEntry, DatasetPage, Upload

READING_SECONDS = 900.0
"""How long a server may read an uploaded file before it answers."""
Answer = TypeVar("Answer", bound=BaseModel)


class DatasetCalls:
    """What a client asks about data sets."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def base_url(self) -> str:
        """The server's address."""
        return self._transport.base_url

    def upload(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        kind: str | None = None,
        on_sent: OnSent | None = None,
        **options: Any,
    ) -> DatasetHandle:
        """Upload a file, or the pictures in a folder, as a data set.

        `options` are the fields of a study's `dataset` of its kind: `delimiter=";"`, `key="x"`.
        Sent again when the connection broke: equal content is one data set. Returns when the
        server has read it; a ProblemError (422) says what is wrong with it.
        """
        source = Path(path)
        params = {"name": name or name_of(source), "kind": kind or kind_of(source)}
        with as_file(source) as file:
            response = self._transport.upload(
                "/v1/datasets",
                lambda: chunks(file, on_sent),
                file.stat().st_size,
                params=params,
                headers={"Dataset-Options": options_of(source, options)},
                read_timeout_seconds=READING_SECONDS,
            )
        return DatasetHandle(self, Upload.model_validate_json(response.content))

    def datasets(self, *, origin: str | None = None) -> Iterator[DatasetEntry]:
        """All data sets: built in, then uploaded ones and those that studies read, newest first."""
        token: str | None = None
        while True:
            page = self._get(DatasetPage, "/v1/datasets", {"origin": origin, "page_token": token})
            yield from page.items
            token = page.next_page_token
            if token is None:
                return

    def dataset(self, dataset_id: str) -> DatasetDetail:
        """One data set: what it holds, its split sizes, duplicates, baselines, studies."""
        return self._get(DatasetDetail, f"/v1/datasets/{dataset_id}")

    def delete_dataset(self, dataset_id: str) -> None:
        """Delete an uploaded data set that no study under way uses."""
        self._transport.request("DELETE", f"/v1/datasets/{dataset_id}")

    def _get(
        self, model: type[Answer], path: str, params: Mapping[str, Any] | None = None
    ) -> Answer:
        return model.model_validate_json(
            self._transport.request("GET", path, params=params).content
        )
