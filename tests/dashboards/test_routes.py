"""Pages and figures over HTTP, against a seeded database."""

import html
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from fastapi.testclient import TestClient

from dashboards.figures import FIGURES
from dashboards.frames import FrameCache
from dashboards.trial_files import read_pictures
from service.domain.records import Artifact
from service.domain.states import Intent, StudyState
from service.main import create_app
from service.settings import Settings
from service.storage.database import Database
from service.storage.studies import StudyRepository
from tests.dashboards.seeding import Seeded, seed_study
from tests.dashboards.synthetic import make_dataset, make_pictures, make_spec, make_study

STUDY = "01k9zsynthetic"


@pytest.fixture(scope="module")
def shared(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, Seeded]]:
    """A server and a running study that no test changes."""
    folder = tmp_path_factory.mktemp("shared")
    url = f"sqlite:///{shutil.copy(migrated_file, folder / 'hifitune.sqlite3')}"
    database = Database(url)
    study = seed_study(database, make_study(count=12, running=2, planned=30))
    with serve(url, folder) as client:
        yield client, study
    database.close()


@pytest.fixture
def client(shared: tuple[TestClient, Seeded]) -> TestClient:
    return shared[0]


@pytest.fixture
def seeded(shared: tuple[TestClient, Seeded]) -> Seeded:
    return shared[1]


@pytest.fixture
def own(sqlite_database: Database, tmp_path: Path) -> Iterator[TestClient]:
    """A server over the test's `sqlite_database`."""
    with serve(str(sqlite_database.url), tmp_path) as client:
        yield client


def serve(url: str, folder: Path) -> TestClient:
    settings = Settings(data_dir=folder, database_url=url)
    return TestClient(create_app(settings), base_url="http://127.0.0.1")


def get_json(client: TestClient, path: str) -> dict[str, object]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    body: dict[str, object] = response.json()
    return body


def test_the_empty_page_shows_the_command_that_makes_a_first_study(own: TestClient) -> None:
    assert "hifitune demo" in own.get("/").text


def test_the_list_shows_state_best_progress_and_a_sparkline(
    client: TestClient, seeded: Seeded
) -> None:
    text = client.get("/").text
    assert f'href="/studies/{seeded.study_id}"' in text
    assert ">running</span>" in text and "12 of 30" in text and "<polyline" in text


def test_the_list_filters_by_what_stands_in_its_address(client: TestClient, seeded: Seeded) -> None:
    assert "digits-vae" in client.get("/?name=VAE&state=RUNNING&family=vae").text
    assert "No study fits" in client.get("/?state=PAUSED").text
    assert "No study fits" in client.get("/?name=other").text


def test_empty_fields_of_the_filter_form_are_no_filter(client: TestClient, seeded: Seeded) -> None:
    assert "digits-vae" in client.get("/?name=&state=&family=&order_by=-created_at").text


def test_the_study_page_names_its_state_in_the_title(client: TestClient, seeded: Seeded) -> None:
    text = client.get(f"/studies/{seeded.study_id}").text
    assert "<title>Running 12/30 · digits-vae · HiFiTune</title>" in text


def test_the_study_page_shows_warnings_verdicts_and_the_best_config(
    client: TestClient, seeded: Seeded
) -> None:
    text = client.get(f"/studies/{seeded.study_id}").text
    assert "1 warning of the linter" in text
    assert "trial_seed:" in text and "Download the model" in text
    assert 'class="verdict converged"' in text


def test_the_spec_and_the_best_config_on_the_page_can_be_submitted(
    client: TestClient, seeded: Seeded
) -> None:
    text = client.get(f"/studies/{seeded.study_id}").text
    for place in ("spec-yaml", "best-yaml"):
        shown = html.unescape(
            re.findall(rf'<pre id="{place}"[^>]*>(.*?)</pre>', text, re.DOTALL)[0]
        )
        answer = client.post(
            "/v1/studies:validate", content=shown, headers={"Content-Type": "application/yaml"}
        )
        assert answer.status_code == 200, answer.text


def test_the_page_of_many_trials_has_one_page_of_them(
    own: TestClient, sqlite_database: Database
) -> None:
    seed_study(sqlite_database, make_study(count=70, epochs=1), cohort_size=70)
    first = own.get(f"/studies/{STUDY}").text
    assert first.count('data-label="Trial"') == 50
    following = re.findall(r'href="([^"]+)" rel="next"', first)[0].replace("&amp;", "&")
    second = own.get(f"/studies/{STUDY}{following}").text
    assert f'href="/studies/{STUDY}/trials/50"' in second
    assert f'href="/studies/{STUDY}/trials/49"' not in second


def test_trials_are_filtered_and_sorted_in_the_address(client: TestClient, seeded: Seeded) -> None:
    text = client.get(f"/studies/{seeded.study_id}?state=COMPLETE&order_by=value").text
    values = [float(value) for value in re.findall(r'data-label="mse">([\d.e-]+)<', text)]
    assert values == sorted(values) and len(values) > 2
    assert 'class="state pruned"' not in text.split('id="trials"')[1]


@pytest.mark.parametrize(
    ("state", "intent", "verbs"),
    [
        (StudyState.RUNNING, Intent.RUN, ["pause", "stop"]),
        (StudyState.RUNNING, Intent.PAUSE, ["resume", "stop"]),
        (StudyState.RUNNING, Intent.STOP, []),
        (StudyState.PAUSED, Intent.PAUSE, ["resume", "stop"]),
        (StudyState.SELECTING, Intent.RUN, ["stop"]),
        (StudyState.STOPPED, Intent.STOP, []),
    ],
)
def test_a_study_offers_what_can_be_done_now(
    own: TestClient,
    sqlite_database: Database,
    state: StudyState,
    intent: Intent,
    verbs: list[str],
) -> None:
    seeded = seed_study(sqlite_database, make_study(count=1, planned=30))
    if intent is not Intent.RUN:
        with sqlite_database.transaction() as session:
            StudyRepository(session).set_intent(seeded.study_id, intent)
    if state is not StudyState.RUNNING:
        seeded.transition(state)
    text = own.get(f"/studies/{seeded.study_id}").text
    assert re.findall(r'data-action="[^":]+:(\w+)"', text) == verbs


def test_the_trial_page_compares_params_with_the_best(client: TestClient, seeded: Seeded) -> None:
    text = client.get(f"/studies/{seeded.study_id}/trials/1").text
    assert "Parameters beside the best trial" in text or "★ best so far" in text
    assert "learning_rate" in text and "Metrics at the best epoch" in text


def test_a_failed_trial_shows_its_reason_and_the_end_of_its_traceback(
    own: TestClient, sqlite_database: Database
) -> None:
    synthetic = make_study(count=40)
    seed_study(sqlite_database, synthetic)
    number = next(t.number for t in synthetic.trials if t.state == "FAILED")
    text = own.get(f"/studies/{STUDY}/trials/{number}").text
    assert "out of memory?" in text and "MemoryError: 1.2 GiB" in text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/studies/nothere", 404, "there is no such study"),
        ("/studies/has spaces", 404, "nothing at this address"),
        ("/studies/a/b/c", 404, "nothing at this address"),
        ("/nowhere", 404, "nothing at this address"),
        (f"/studies/{STUDY}/trials/999", 404, "has no trial 999"),
        (f"/studies/{STUDY}?order_by=params", 400, "is not valid"),
        (f"/studies/{STUDY}?page_token=garbage", 400, "page token"),
        ("/?page_token=%00", 400, "page token"),
    ],
)
def test_errors_of_pages_are_pages_with_a_next_step(
    client: TestClient, seeded: Seeded, path: str, status: int, words: str
) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert words in response.text.lower() and "All studies" in response.text


def test_a_page_says_when_the_database_is_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.errors import Unavailable

    def refuse(*_: object) -> None:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Database, "read", refuse)
    response = client.get("/")
    assert response.status_code == 503
    assert "tries again by itself" in response.text


def test_the_jump_form_leads_to_the_trial(client: TestClient, seeded: Seeded) -> None:
    response = client.get(f"/studies/{STUDY}/trials?number=3", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == f"/studies/{STUDY}/trials/3"


def test_the_list_of_figures_says_what_each_says_now(client: TestClient, seeded: Seeded) -> None:
    items = get_json(client, f"/v1/studies/{STUDY}/figures")["items"]
    assert isinstance(items, list)
    assert [item["name"] for item in items] == list(FIGURES)
    for item in items:
        entry = FIGURES[item["name"]]
        assert item["title"] == entry.title and item["group"] == entry.group
        assert (item["summary"] is None) == entry.of_trial


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_served_with_summary_and_table(
    client: TestClient, seeded: Seeded, name: str
) -> None:
    body = get_json(client, f"/v1/studies/{STUDY}/figures/{name}?trial=0")
    shown = {"name", "title", "group", "summary", "waiting", "figure", "table", "formats"}
    assert set(body) == shown
    assert isinstance(body["figure"], dict) and body["figure"]["layout"]["title"]["text"]


def test_an_unknown_figure_is_a_problem_that_names_the_known_ones(
    client: TestClient, seeded: Seeded
) -> None:
    response = client.get(f"/v1/studies/{STUDY}/figures/histogram")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert "best_so_far" in response.json()["remedy"]


def test_a_figure_of_a_trial_wants_its_number(client: TestClient, seeded: Seeded) -> None:
    assert client.get(f"/v1/studies/{STUDY}/figures/trial_curves").status_code == 400
    missing = client.get(f"/v1/studies/{STUDY}/figures/trial_curves?trial=999")
    assert missing.status_code == 404


def test_a_figure_is_sent_again_only_after_an_event(
    own: TestClient, sqlite_database: Database
) -> None:
    seeded = seed_study(sqlite_database, make_study(count=2, planned=30))
    path = f"/v1/studies/{STUDY}/figures/best_so_far"
    etag = own.get(path).headers["etag"]
    assert own.get(path, headers={"If-None-Match": etag}).status_code == 304
    seeded.transition(StudyState.PAUSED)
    again = own.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 200 and again.headers["etag"] != etag


def test_pictures_come_from_the_file_that_the_trial_left(
    own: TestClient, sqlite_database: Database, tmp_path: Path
) -> None:
    synthetic = make_study(count=2)
    pictures = make_pictures(np.random.default_rng(0))
    content = safetensors.numpy.save(
        {"input": pictures.input.astype(np.float32), "best": pictures.best.astype(np.float32)}
    )
    path = f"studies/{STUDY}/trials/0/reconstructions.safetensors"
    file = tmp_path / "artifacts" / path
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    artifact = Artifact(study_id=STUDY, trial=0, kind="reconstructions", path=path,
                        sha256="0" * 64, bytes=len(content))  # fmt: skip
    seed_study(sqlite_database, synthetic, {0: [artifact]})
    body = get_json(own, f"/v1/studies/{STUDY}/figures/reconstructions?trial=0")
    expected = float(((pictures.input[0] - pictures.best[0]) ** 2).mean())
    assert isinstance(body["table"], dict)
    assert body["table"]["rows"][0][1] == pytest.approx(expected, rel=1e-4)
    file.unlink()
    gone = get_json(own, f"/v1/studies/{STUDY}/figures/reconstructions?trial=0")
    assert gone["waiting"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not safetensors at all",
        safetensors.numpy.save({"input": np.zeros((8, 64), np.float32)}),
        safetensors.numpy.save({"input": np.zeros((8, 9)), "best": np.zeros((8, 9))}),
        safetensors.numpy.save({"input": np.zeros((0, 64)), "best": np.zeros((0, 64))}),
    ],
)
def test_pictures_that_do_not_fit_the_data_are_none(content: bytes) -> None:
    assert read_pictures(content, make_dataset()) is None


def test_the_cache_loads_once_per_event_and_forgets_older_ones() -> None:
    cache, study, loads = FrameCache(), make_study(count=1).study, []

    def load(event: int) -> str:
        loads.append(event)
        return f"columns at {event}"

    for event in (1, 1, 2, 2):
        seen = study.model_copy(update={"event": event})
        assert cache.get(seen, "trials", partial(load, event)) == f"columns at {event}"
    assert loads == [1, 2]


def test_requests_at_once_share_one_load() -> None:
    cache, study, loads = FrameCache(), make_study(count=1).study, []
    begun, go_on = threading.Event(), threading.Event()

    def load() -> str:
        loads.append(1)
        begun.set()
        assert go_on.wait(10)
        return "columns"

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(cache.get, study, "trials", load) for _ in range(4)]
        assert begun.wait(10)
        go_on.set()
        assert [future.result(10) for future in asked] == ["columns"] * 4
    assert len(loads) == 1


def test_text_of_users_is_escaped_on_every_page(own: TestClient, sqlite_database: Database) -> None:
    payload = "<script>alert(1)</script>"
    synthetic = make_study(count=6, spec=make_spec(trials=6))
    failure = {"kind": "crash", "message": payload, "traceback_tail": payload}
    synthetic.trials = [
        type(trial).model_validate(
            {**trial.model_dump(), "failure": failure, "params": {"activation": payload}}
        )
        for trial in synthetic.trials
    ]
    seed_study(sqlite_database, synthetic)
    for path in (f"/studies/{STUDY}", f"/studies/{STUDY}/trials/1", "/?name=" + payload):
        text = own.get(path).text
        assert payload not in text and "&lt;script&gt;alert(1)" in text


def test_pages_have_neither_inline_scripts_nor_inline_styles(
    client: TestClient, seeded: Seeded
) -> None:
    for path in ("/", f"/studies/{STUDY}", f"/studies/{STUDY}/trials/1", "/nowhere"):
        text = client.get(path).text
        assert " style=" not in text and "<style" not in text and "javascript:" not in text
        assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
        assert re.findall(r"\son\w+=", text) == []


@pytest.mark.parametrize(
    "name", ["app.js", "style.css", "icon.svg", "vendor/plotly/plotly-cartesian-4.1.1.min.js"]
)
def test_static_files_are_sent_compressed_and_with_an_etag(client: TestClient, name: str) -> None:
    response = client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200
    again = client.get(f"/static/{name}", headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "name", ["../routes.py", "..%2froutes.py", "vendor/../../pages.py", "/etc/passwd", ""]
)
def test_nothing_but_static_files_is_sent(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_the_vendored_plotly_comes_with_its_licence(client: TestClient) -> None:
    assert "MIT License" in client.get("/static/vendor/plotly/LICENSE").text


def test_the_figures_of_a_big_study_are_quick_and_small(
    own: TestClient, sqlite_database: Database
) -> None:
    seed_study(sqlite_database, make_study(count=300, epochs=3), cohort_size=100)
    started = time.perf_counter()
    page = own.get(f"/studies/{STUDY}")
    sizes = [len(page.content)]
    for name, entry in FIGURES.items():
        if not entry.of_trial:
            body = get_json(own, f"/v1/studies/{STUDY}/figures/{name}")
            sizes.append(len(json.dumps(body, separators=(",", ":"))))
    assert time.perf_counter() - started < 6  # one second alone on one core
    assert sum(sizes) < 1_200_000
