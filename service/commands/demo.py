"""`hifitune demo`: serve, tune a VAE and an autoencoder on digits, show what came of it."""

import sys
import threading
import time
from typing import Any

from rich.text import Text

from service.client import Client, StudyHandle
from service.commands.answer import comparison, print_selection
from service.commands.exits import Exit, Stop
from service.commands.listening import listen
from service.commands.output import Output, configure_logging
from service.commands.progress import ProgressView
from service.commands.serve import LOOK_SECONDS, announce, obeying_signals
from service.commands.server import Service
from service.commands.summary import print_summary
from service.domain.records import Best, Study
from service.domain.states import TERMINAL_STUDY_STATES, StudyState
from service.settings import Settings

POLL_SECONDS = 0.2

VAE_SPEC: dict[str, Any] = {
    "name": "digits-vae",
    "dataset": {"name": "digits"},
    "family": "vae",
    "space": {
        "learning_rate": {"type": "float", "low": 0.001, "high": 0.01, "log": True},
        "hidden_width": {"type": "categorical", "choices": [64, 128, 256]},
        "dropout": {"type": "float", "low": 0.0, "high": 0.2},
        "latent_dim": 16,
        "batch_size": 64,
    },
    "training": {"epochs": 40, "early_stopping": {"patience": 10}},
    "sampler": {"type": "tpe"},
    "budget": {"trials": 24},
}
AUTOENCODER_SPEC: dict[str, Any] = {
    "name": "digits-autoencoder",
    "dataset": {"name": "digits"},
    "family": "autoencoder",
    "space": {
        "hidden_width": {"type": "categorical", "choices": [64, 128, 256]},
        "learning_rate": {"type": "categorical", "choices": [0.001, 0.003, 0.01]},
        "latent_dim": 16,
        "batch_size": 64,
    },
    "training": {"epochs": 40, "early_stopping": {"patience": 10}},
    "sampler": {"type": "grid"},
}


def run(settings: Settings, exit_at_end: bool, output: Output) -> int:
    """Show the whole journey; the exit code."""
    configure_logging(settings.log_level)
    with obeying_signals() as stop, _serve_anywhere(settings, output) as service:
        announce(service, settings, output)
        with Client(service.url) as client:
            handles = [client.submit(spec) for spec in (VAE_SPEC, AUTOENCODER_SPEC)]
            finished = _watch(handles, service, stop, output)
            if finished is None:
                return Exit.INTERRUPTED
            for handle, study in zip(handles, finished, strict=True):
                _show(client, handle, study, output)
        output.say(f"\nDashboard: [bold]{service.url}[/bold]")
        if not exit_at_end:
            output.say("It goes on serving; Ctrl-C ends it.")
            while not stop.wait(LOOK_SECONDS) and not service.failed():
                continue
    return Exit.OK


def _serve_anywhere(settings: Settings, output: Output) -> Service:
    """On the usual port, or on a free one when that is taken."""
    try:
        listener = listen(settings.host, settings.port)
    except Stop as error:
        if error.code is not Exit.PORT_IN_USE:
            raise
        output.note(Text(f"port {settings.port} is taken; using a free one"))
        listener = listen(settings.host, 0)
    return Service(settings, listener)


def _watch(
    handles: list[StudyHandle], service: Service, stop: threading.Event, output: Output
) -> list[Study] | None:
    """Both studies at the same time, each with its bar; None: interrupted."""
    with ProgressView(output) as view:
        while not stop.is_set():
            if service.failed():
                raise Stop(Exit.ERROR, "the HTTP server ended by itself; see the log above")
            found = [handle.refresh() for handle in handles]
            for study in found:
                view.update(study)
            if all(study.state in TERMINAL_STUDY_STATES for study in found):
                return found
            time.sleep(POLL_SECONDS)
    return None


def _show(client: Client, handle: StudyHandle, study: Study, output: Output) -> None:
    """Best config as YAML, and test MSE beside the baselines."""
    if study.state is not StudyState.COMPLETE:
        reason = study.failure.message if study.failure else "no trial finished"
        raise Stop(Exit.STUDY_FAILED, f"{study.name} is {study.state.value}: {reason}")
    best = handle.best()
    if output.as_json:
        output.result({"event": "best", "url": handle.url, "best": best.model_dump(mode="json")})
        return
    output.say(Text(f"\n{study.name}: the best config (POST it to get the same model again)"))
    sys.stdout.write(client.best_config_yaml(study.id))
    output.say("")
    output.table(comparison(best))
    output.say(Text(_claim(best)))
    print_selection(best, output)
    print_summary(handle.summary(), output)
    output.say(Text(f"  {handle.url}"))


def _claim(best: Best) -> str:
    """What the numbers say, and not more."""
    ratio = best.baselines.get("mse_over_pca", {}).get("test")
    clipped = best.baselines.get("pca_figure", {}).get("test") == "clipped"
    parts = []
    if ratio is not None:
        parts.append(
            f"its test MSE is {ratio:.2f} of that of PCA with as many latent dimensions"
            + (" (clipped)" if clipped else "")
        )
    active = best.metrics.validation.get("active_units")
    if active is not None:
        parts.append(f"{active:g} of {best.config.get('latent_dim')} latent units are active")
    return "; ".join(parts)
