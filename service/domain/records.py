"""Every frozen fact by name; also the API's response models (rule R6).

They are defined by subject in data.py, trials.py and studies.py.
"""

from service.domain.data import Audit, Baselines, Column, DataHeader, Dataset, Estimate, PcaBaseline
from service.domain.studies import (
    Analysis,
    Best,
    BestMetrics,
    BestObjective,
    BestSoFar,
    Decision,
    Event,
    Lease,
    Notice,
    Progress,
    Study,
    StudyPage,
)
from service.domain.trials import (
    Array,
    ArrayState,
    Artifact,
    Cohort,
    EpochPage,
    EpochReport,
    Failure,
    Trial,
    TrialMetrics,
    TrialPage,
    Verdict,
)

__all__ = [
    "Analysis",
    "Array",
    "ArrayState",
    "Artifact",
    "Audit",
    "Baselines",
    "Best",
    "BestMetrics",
    "BestObjective",
    "BestSoFar",
    "Cohort",
    "Column",
    "DataHeader",
    "Dataset",
    "Decision",
    "EpochPage",
    "EpochReport",
    "Estimate",
    "Event",
    "Failure",
    "Lease",
    "Notice",
    "PcaBaseline",
    "Progress",
    "Study",
    "StudyPage",
    "Trial",
    "TrialMetrics",
    "TrialPage",
    "Verdict",
]
