"""Ingests the data sets of shared/data and prints their audit and baselines beside exact figures.

    python -m benchmarks.data_references FOLDER

The figures on the right are those of the folder's README.md, computed apart from this code.
"""

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trainers.data.sources import Idx, Images, Source, Split, Text
from trainers.data.store import ingest
from trainers.data.stored import Stored

OFFICIAL = Split(50_000, 10_000, None, "file")
LAST_TENTH = Split(1003, 111, 1, "file")
SKIN = r"^(.*?)_1f3f[b-f](.*?)(?:_1f3f[b-f])?(\.png)$|^(.*)$"

Row = tuple[str, float, float]


def _idx(name: str) -> Source:
    return Idx(f"{name}/train-images-idx3-ubyte.gz", f"{name}/t10k-images-idx3-ubyte.gz")


def _images(stored: Stored, floor: float, pca: tuple[float, float]) -> Iterator[Row]:
    yield "entropy floor, test, nats an image", stored.baselines["entropy_floor"]["test"], floor
    for size, expected in zip((16, 32), pca, strict=True):
        entry = stored.baselines["pca"][size - 1]
        yield f"PCA-{size}, clipped, test MSE", entry["test_clipped"], expected


def _ngrams(stored: Stored, expected: tuple[float, float, float]) -> Iterator[Row]:
    for entry, there in zip(stored.baselines["ngrams"], expected, strict=True):
        yield f"{entry['order']}-gram, validation, nats a token", entry["validation"], there


def _shuffled(names: Path, store: Path) -> Split:
    """The names as the figures' author divided them: 90 and 10 %, copies left where they fall."""
    lines = names.read_text(encoding="utf-8").split()
    random.Random(0).shuffle(lines)
    cut = len(lines) * 9 // 10
    store.mkdir(exist_ok=True)
    for name, part in (("train", lines[:cut]), ("validation", lines[cut:]), ("test", lines[cut:])):
        (store / name).write_text("\n".join(part), encoding="utf-8")
    return Split("train", "validation", "test")


def rows(folder: Path, store: Path) -> Iterator[Row]:
    """(what, here, there), data set by data set."""

    def stored(source: Source, split: Split) -> Stored:
        return ingest(source, split, "unit", [folder], store, [16, 32])

    for name, floor, pca in (
        ("mnist", 45.534, (0.02538, 0.01520)),
        ("fashion-mnist", 189.858, (0.01983, 0.01450)),
    ):
        for what, here, there in _images(stored(_idx(name), OFFICIAL), floor, pca):
            yield f"{name}: {what}", here, there
    names = stored(Text("text/names.txt"), Split())
    assert names.audit is not None
    yield "names.txt: duplicate rows", names.audit["exact_duplicates"], 2539
    parts = _shuffled(folder / "text" / "names.txt", store)
    divided = ingest(Text("unread"), parts, "none", [store], store, [])
    for what, here, there in _ngrams(divided, (2.816, 2.444, 2.204)):
        yield f"names.txt: {what}", here, there
    play = stored(Text("text/tinyshakespeare.txt", window=1000), LAST_TENTH)
    for what, here, there in _ngrams(play, (3.347, 2.484, 2.046)):
        yield f"tinyshakespeare: {what}", here, there
    emoji = Images("emoji/noto-emoji-png72.zip", "grey", (8, 8), group_by=SKIN, duplicates="keep")
    audit = stored(emoji, Split()).audit
    assert audit is not None
    yield "emoji: groups without skin tones", audit["groups"], 1692


def main() -> None:
    """Print a table."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(f"{'':56}{'here':>12}{'there':>12}")
    with tempfile.TemporaryDirectory() as store:
        for what, here, there in rows(Path(sys.argv[1]), Path(store)):
            print(f"{what:56}{here:12.5f}{there:12.5f}")


if __name__ == "__main__":
    main()
