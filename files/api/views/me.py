"""Who one is."""

from django.http import HttpResponse
from ninja import Router

from files.access import get_token
from files.api.documents import MeTold, TokenTold
from files.api.owning import own_space
from files.api.replies import reply
from files.api.requests import ApiRequest
from files.errors import SignInRequiredError

router = Router(tags=["me"])


@router.get("/me", response=MeTold, summary="Ask who one is")
def get_me(request: ApiRequest) -> HttpResponse:
    """Tell who is signed in, and which space is the own one."""
    user = request.auth.user
    if user is None:
        raise SignInRequiredError
    limit = request.auth.limit
    token = get_token(request.auth, limit.token_id or 0) if limit else None
    personal = own_space(request.auth)
    told = MeTold(
        id=user.pk,
        username=user.get_username(),
        is_staff=user.is_staff,
        personal_space=personal.pk if personal else None,
        token=TokenTold.of(token) if token else None,
    )
    return reply(told)
