"""What was asked of a job: how far it is, told by the journal and by the rows of the jobs."""

from typing import Final, Literal

from django.tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from files.access import Actor, locate
from files.errors import EntryNotFoundError, ForbiddenError
from files.ids import can_be_id
from files.models import Event, Right
from files.protocol_errors import JobNotFoundError

TASK: Final = "files.jobs.tasks.transfer"  # that does it
type State = Literal["waiting", "running", "done", "failed"]
_STATES: Final[dict[str, State]] = {
    TaskResultStatus.READY: "waiting",
    TaskResultStatus.RUNNING: "running",
    TaskResultStatus.SUCCESSFUL: "done",
}


def get_request(actor: Actor, space_id: int, seq: int) -> Event:
    """Find what somebody asked of a job: the event, by the space it goes to and its number there.

    Raises JobNotFoundError, also for what another has asked for, or where one may not go any more.
    """
    if not can_be_id(space_id):
        raise JobNotFoundError
    events = Event.objects.select_related("space").filter(space=space_id, seq=seq)
    request = events.filter(kind=Event.Kind.JOB_REQUESTED, actor=actor.user).first()
    if request is None or actor.user is None or "transfer" not in (request.after or {}):
        raise JobNotFoundError
    try:
        locate(actor, request.entry_id or 0, Right.ADD)
    except (EntryNotFoundError, ForbiddenError):
        raise JobNotFoundError from None
    return request


def state_of(request: Event) -> tuple[State, str]:
    """Tell how far a job is and, of one that failed, the code of why.

    A row is made when the event is dispatched, and forgotten some days after it is over; failing
    for good is an event, so what has neither row nor such an event is done.
    """
    failed = Event.objects.filter(entry_id=request.entry_id, kind=Event.Kind.JOB_FAILED)
    failure = failed.filter(after__request=request.pk).first()
    if failure is not None:
        return "failed", str((failure.after or {}).get("code", ""))
    if request.space.dispatched_seq < request.seq:
        return "waiting", ""
    arguments = {"args": [request.pk], "kwargs": {}}
    rows = DBTaskResult.objects.filter(task_path=TASK, args_kwargs=arguments)
    row = rows.order_by("-enqueued_at").first()
    if row is None:
        return "done", ""
    # Failed, and not told yet.
    return _STATES.get(row.status, "failed"), ""
