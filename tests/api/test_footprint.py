"""The HTTP process stays light."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, sys, tempfile
from service.main import create_app
from service.settings import Settings
from service.storage.migration import migrate
from starlette.testclient import TestClient

settings = Settings(data_dir=tempfile.mkdtemp())
migrate(settings.database_url)
client = TestClient(create_app(settings), base_url="http://127.0.0.1")
spec = {"name": "x", "dataset": {"name": "digits"}, "family": "vae"}
location = client.post("/v1/studies", json=spec).headers["location"]
line = "".join(f"{number},{number % 7}\\n" for number in range(40))
upload = client.post("/v1/datasets?name=x.csv", content="a,b\\n" + line).json()["id"]
location = client.post("/v1/studies", json=spec | {"dataset": {"id": upload}}).headers["location"]
paths = ["/datasets", "/datasets/iris", "/v1/datasets", f"/v1/datasets/{upload}", "/", location]
paths += [location + "/trials", location + "/figures", "/v1/catalog", "/openapi.json"]
paths += [f"{location}/export?format={form}" for form in ("csv", "json", "parquet", "optuna")]
statuses = [client.get(path).status_code for path in paths]
loaded = {name.split(".")[0] for name in sys.modules}
heavy = loaded & {"torch", "optuna", "ray", "sklearn", "scipy", "pyarrow", "pandas"}
print(json.dumps({"statuses": statuses, "heavy": sorted(heavy)}))
"""


def test_the_http_process_loads_neither_torch_nor_optuna_nor_ray(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["heavy"] == []
    assert all(status == 200 for status in found["statuses"]), found
