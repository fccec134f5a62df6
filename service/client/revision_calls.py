"""What a client says of a study that goes on."""

import json
import uuid
from collections.abc import Mapping, Sequence

from service.client.transport import Transport
from service.domain.records import Revision, RevisionList, Study
from service.domain.space import Scalar


class RevisionCalls:
    """Extending studies, and what they had found before."""

    _transport: Transport

    def extend(
        self,
        study_id: str,
        trials: int,
        *,
        enqueue: Sequence[Mapping[str, Scalar]] = (),
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Study:
        """Go on with a COMPLETE study: so many trials more, then another selection.

        `enqueue`: params of the first of them; what one leaves out, the sampler chooses.
        `seconds`: wall-clock that they may take. Asks again when the answer was lost; give your
        own key to make repeated calls safe as well.
        """
        body = {"trials": trials, "enqueue": [dict(entry) for entry in enqueue], "seconds": seconds}
        response = self._transport.request_again(
            "POST",
            f"/v1/studies/{study_id}:extend",
            content=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": idempotency_key or uuid.uuid4().hex,
            },
        )
        return Study.model_validate_json(response.content)

    def revisions(self, study_id: str) -> list[Revision]:
        """What a study had found before it was extended, oldest first."""
        response = self._transport.request("GET", f"/v1/studies/{study_id}/revisions")
        return RevisionList.model_validate_json(response.content).items
