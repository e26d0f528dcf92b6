"""Answers that are kept: a request that comes again is not done again, and is answered the same.

The row with the key is the first thing that the transaction writes, and the change is in it too.
After a crash there are both or neither. A repetition that comes while the first is being done waits
for it: on PostgreSQL for the row, on SQLite for the transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from files.models import KeptAnswer
from files.protocol_errors import KeyReusedError

KEPT: Final = timedelta(hours=24)
_STEP: Final = 1000  # rows forgotten in one transaction


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, in the words of HTTP."""

    status: int
    headers: Mapping[str, str]
    body: str


def answer_once(user: User, key: str, digest: str, make: Callable[[], Answer]) -> Answer:
    """Do what make does, unless it was done under this key already, and give its answer.

    What make raises undoes everything, the key among it, so that the same request can be tried
    again. Raises KeyReusedError where the key came with another request, told by its digest.
    """
    try:
        with transaction.atomic():
            kept = _find(user, key) or _make(user, key, digest, make)
    except _TakenError:
        kept = KeptAnswer.objects.get(user=user, key=key)
    if kept.request_digest != digest:
        raise KeyReusedError
    return Answer(kept.status, kept.headers, kept.body)


class _TakenError(Exception):
    """Another request under the same key has come first."""


def _find(user: User, key: str) -> KeptAnswer | None:
    """Find the answer under a key; one that is past its time is forgotten."""
    kept = KeptAnswer.objects.filter(user=user, key=key).first()
    if kept is not None and kept.created_at < timezone.now() - KEPT:
        kept.delete()
        return None
    return kept


def _make(user: User, key: str, digest: str, make: Callable[[], Answer]) -> KeptAnswer:
    """Take a key, do what is to be done, and keep the answer."""
    try:
        with transaction.atomic():
            kept = KeptAnswer.objects.create(user=user, key=key, request_digest=digest)
    except IntegrityError:
        raise _TakenError from None
    answer = make()
    kept.status, kept.headers, kept.body = answer.status, dict(answer.headers), answer.body
    kept.save(update_fields=["status", "headers", "body"])
    return kept


def forget_answers() -> int:
    """Forget the answers that are past their time, and give how many there were."""
    old = KeptAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).order_by("pk")
    count = 0
    while ids := list(old.values_list("pk", flat=True)[:_STEP]):
        count += KeptAnswer.objects.filter(pk__in=ids).delete()[0]
    return count
