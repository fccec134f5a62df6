"""Tune an autoencoder from Python: submit, wait, read the answer, take the model.

Start a server first (`hifitune serve`), then: python examples/client_example.py
"""

import sys

from service.client import Client

SPEC = {
    "name": "client-example",
    "dataset": {"name": "digits"},
    "family": "autoencoder",
    "space": {
        "learning_rate": {"type": "float", "low": 0.0005, "high": 0.01, "log": True},
        "hidden_width": {"type": "categorical", "choices": [64, 128]},
    },
    "training": {"epochs": 15},
    "budget": {"trials": 6},
}


def main(url: str = "http://127.0.0.1:8321", folder: str = "model") -> None:
    with Client(url) as client:
        study = client.submit(SPEC)
        print("watch it at", study.url)
        for notice in study.warnings:
            print(f"{notice.pointer}: {notice.message} {notice.remedy}")
        study.wait(on_progress=lambda now: print(f"{now.progress.done}/{now.progress.trials}"))
        best = study.best()
        print("best trial", best.trial, best.params)
        print("validation", best.objective.metric, best.objective.value)
        print("test", best.metrics.test)
        study.download_model(folder)
        print(f"the model is in {folder}/; its README.md says how to use it")


if __name__ == "__main__":
    main(*sys.argv[1:])
