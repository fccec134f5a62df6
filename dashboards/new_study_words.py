"""What the form calls the fields of a spec; a field without words has its own name."""

from typing import Any, NamedTuple


class Words(NamedTuple):
    """Of a field, by its JSON pointer."""

    label: str | None = None
    help: str | None = None
    first: dict[str, Any] | None = None
    """What an object that was null begins with."""
    options: dict[str, str] | None = None
    """Of a choice: its values in words."""


FIELD_WORDS: dict[str, Words] = {
    "/dataset/limit": Words("Take only the first samples", "A whole number; left out: all."),
    "/dataset/duplicates": Words(
        "Copies of a sample",
        "What is done about exact copies, so that none lies in train and in validation.",
        options={
            "group": "stay in one part",
            "near": "stay in one part, and what looks alike",
            "drop": "only the first is kept",
            "keep": "lie where they fall",
        },
    ),
    "/dataset/path": Words("Path", "Below a data root of the server (HIFITUNE_DATA_ROOTS)."),
    "/dataset/images": Words("File of images", "Below a data root of the server."),
    "/dataset/test_images": Words("File of test images", "The sealed test part, if it is a file."),
    "/dataset/key": Words("Array", "Its name in a .npz file of several."),
    "/dataset/group_by": Words(
        "Group by", "What tells samples that belong together; a group stays in one part."
    ),
    "/dataset/size": Words("Resize to", "Height and width in pixels."),
    "/task": Words(
        "Task",
        options={
            "reconstruct": "reconstruct the input",
            "denoise": "remove noise",
            "inpaint": "fill in holes",
            "super_resolve": "enlarge pictures",
        },
    ),
    "/budget/trials": Words("Trials", "How many configurations are tried. A grid: at most these."),
    "/budget/seconds": Words(
        "Seconds", "Wall-clock while it runs; the search ends then. Left out: no limit."
    ),
    "/budget/stop_when_no_improvement": Words(
        "Stop when nothing improves",
        "End the search when so many trials in a row brought too little.",
        first={"trials": 20},
    ),
    "/budget/stop_when_no_improvement/trials": Words("Trials in a row"),
    "/budget/stop_when_no_improvement/at_least": Words(
        "An improvement is at least", "As a share of the best value: 0.01 is 1 %."
    ),
    "/training/epochs": Words("Epochs", "One epoch is one pass over the train part."),
    "/training/early_stopping": Words("Early stopping"),
    "/training/early_stopping/patience": Words("Patience", "Epochs without an improvement."),
    "/training/early_stopping/min_delta": Words("An improvement is more than"),
    "/training/early_stopping/min_epochs": Words("Not before epoch"),
    "/training/first_eligible_epoch": Words(
        "First epoch that counts", "A whole number, or `auto`: after the longest KL warm-up."
    ),
    "/sampler": Words(
        "Sampler",
        options={"tpe": "TPE", "random": "random", "grid": "grid", "gp": "Gaussian process"},
    ),
    "/sampler/startup_trials": Words(
        "Random trials at first", "A whole number, or `auto`: a fifth of the trials, 4 to 10."
    ),
    "/sampler/ei_candidates": Words("Candidates", "How many are drawn to choose the next from."),
    "/pruner": Words(
        "Pruner",
        "Ends weak trials early. Left out: halving where there is one objective without bounds.",
        options={"none": "none: every trial to its end", "halving": "halving", "median": "median"},
    ),
    "/pruner/reduction_factor": Words("Reduction factor", "One of so many goes on at each rung."),
    "/pruner/min_epochs": Words("First rung at epoch"),
    "/pruner/interval": Words("Epochs between rungs", "A whole number, or `auto`."),
    "/split/train": Words("Train", "A share below 1, a count, or a path."),
    "/split/validation": Words("Validation", "A share below 1, a count, or a path."),
    "/split/test": Words(
        "Test", "Sealed until the end. `null` only where the data bring their own test file."
    ),
    "/split/order": Words(
        "Order",
        options={"seed": "shuffled by the seed", "file": "as in the file"},
    ),
    "/split/seed": Words("Seed of the split"),
    "/split/resplit": Words(
        "Another split", "Above 0: train and validation are drawn anew, test stays as it is."
    ),
    "/scaling": Words(
        "Scaling",
        "From the train part alone.",
        options={
            "none": "none",
            "unit": "to 0 … 1",
            "standard": "mean 0, deviation 1",
        },
    ),
    "/selection/top_k": Words(
        "Configs trained again", "The best ones, with fresh seeds. 0: the best search value wins."
    ),
    "/selection/seeds": Words("Seeds for each"),
    "/selection/resplit": Words(
        "Another split for each seed",
        "What fitted one split by luck loses; the test part stays untouched.",
    ),
    "/parallel": Words("Parallel"),
    "/parallel/cohort_size": Words("Trials proposed together", "A whole number, or `auto`."),
    "/parallel/cohorts_in_flight": Words("Groups under way", "A whole number, or `auto`."),
    "/seed": Words("Seed", "Of the search and of all trials."),
    "/trial_seed": Words(
        "Seed of every trial", "Left out: each has its own, derived from the seed above."
    ),
    "/enqueue": Words("First trials", "Params that are tried first; the sampler fills the rest."),
    "/warm_start": Words(
        "Warm start", "Good configs of earlier studies are tried first.", first={}
    ),
    "/warm_start/studies": Words("Earlier studies", "Their ids: their best trials are tried."),
    "/warm_start/configs": Words("Known-good configs"),
}
