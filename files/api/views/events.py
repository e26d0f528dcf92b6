"""Events: what has changed in a space since somebody last asked, and none of it left out."""

from django.http import HttpResponse
from ninja import Router

from files.access import get_space
from files.api.documents import EventsTold, EventTold
from files.api.replies import reply
from files.api.requests import ApiRequest
from files.api.values import AfterSeq, Id, Limit
from files.models import Event
from files.protocol_errors import StaleCursorError

router = Router(tags=["events"])


@router.get("/spaces/{int:space_id}/events", response=EventsTold, summary="Ask what has changed")
def list_events(
    request: ApiRequest, space_id: Id, after: AfterSeq = 0, limit: Limit = 100
) -> HttpResponse:
    """Tell the changes of a space behind a number, in the order in which they were made.

    Numbers have no gaps, and a change that is not told yet has a higher one than all that are: so
    who goes on with `next` misses none. 410 for a number that this space has not come to, as after
    a restore from a backup, or behind which events are kept no longer: then look at everything.
    """
    space, _rights = get_space(request.auth, space_id)
    if after > space.last_seq:
        raise StaleCursorError
    # Up to what the row of the space says: later ones come with the next request.
    events = Event.objects.filter(space=space, seq__gt=after, seq__lte=space.last_seq)
    shown = list(events.order_by("seq")[:limit])
    if (shown[0].seq if shown else space.last_seq + 1) != after + 1:
        raise StaleCursorError
    last = shown[-1].seq if shown else after
    items = [EventTold.of(event) for event in shown]
    return reply(EventsTold(items=items, next=last, has_more=last < space.last_seq))
