"""Jobs: what became of something large that one has asked for."""

from django.http import HttpResponse
from ninja import Router

from files.api.documents import JobTold
from files.api.replies import reply
from files.api.requests import ApiRequest
from files.api.values import Id
from files.operations.requested import get_request, state_of

router = Router(tags=["jobs"])


@router.get("/spaces/{int:space_id}/jobs/{int:job_id}", response=JobTold, summary="Ask for a job")
def get_job(request: ApiRequest, space_id: Id, job_id: Id) -> HttpResponse:
    """Tell what became of a move or a copy that was answered with 202; for who asked for it."""
    asked = get_request(request.auth, space_id, job_id)
    state, code = state_of(asked)
    return reply(JobTold(id=job_id, state=state, code=code or None, asked_at=asked.at))
