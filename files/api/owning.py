"""The personal space of who asks: made when it is first asked for, as signing in does."""

from files.access import Actor
from files.models import Space
from files.operations.spaces import ensure_personal_space


def own_space(actor: Actor) -> Space | None:
    """Give the personal space of somebody; None for who is limited to another tree.

    Writes nothing where there is one already.
    """
    if actor.user is None or actor.top_id is not None:
        return None
    return ensure_personal_space(actor.user, actor=actor)
