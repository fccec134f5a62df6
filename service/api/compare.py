"""Studies side by side."""

from fastapi import APIRouter

from service.api.dependencies import ComparisonDependency
from service.api.openapi import problems
from service.domain.comparison import Comparison

router = APIRouter(prefix="/v1", tags=["studies"])


@router.get(
    "/studies:compare",
    operation_id="compare_studies",
    summary="Studies side by side",
    responses=problems(400, 404),
)
def compare_studies(comparison: ComparisonDependency) -> Comparison:
    """Best, test value, cost and convergence of two to eight studies.

    Studies on other data or with another objective are answered, too: `notices` say what of them
    cannot be compared, and why, and `comparable` is false.
    """
    return comparison
