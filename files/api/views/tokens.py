"""Tokens: one's own, and a new one for who is signed in by a session."""

from http import HTTPStatus

from django.http import HttpResponse
from django.urls import reverse
from ninja import Router

from files.access import get_token, locate, tokens_of
from files.api.cursors import cursor_of, number_of
from files.api.documents import Page, TokenMade, TokenSent, TokenTold
from files.api.replies import no_content, reply, split_page
from files.api.requests import ApiRequest
from files.api.values import After, Id, Limit
from files.errors import MalformedRequestError, SignInRequiredError
from files.models import Right
from files.operations.tokens import create_token, revoke_token

router = Router(tags=["tokens"])


@router.get("/tokens", response=Page[TokenTold], summary="List tokens")
def list_tokens(request: ApiRequest, limit: Limit = 100, cursor: After = "") -> HttpResponse:
    """List one's tokens, newest first, revoked ones too; a token is told of itself alone."""
    tokens = tokens_of(request.auth)
    if (after := number_of(cursor)) is not None:
        tokens = tokens.filter(pk__lt=after)
    shown, last = split_page(list(tokens[: limit + 1]), limit)
    items = [TokenTold.of(token) for token in shown]
    return reply(Page[TokenTold](items=items, next=cursor_of(last.pk) if last else None))


@router.get("/tokens/{int:token_id}", response=TokenTold, summary="Look at a token")
def get_one_token(request: ApiRequest, token_id: Id) -> HttpResponse:
    """Tell what a token is for, and when it was used."""
    return reply(TokenTold.of(get_token(request.auth, token_id)))


@router.post("/tokens", response={201: TokenMade}, summary="Make a token")
def make_token(request: ApiRequest, body: TokenSent) -> HttpResponse:
    """Make a token, and tell its secret once.

    By a session, not by a token. No `Idempotency-Key`: the answer would have to be kept.
    """
    if request.auth.user is None:
        raise SignInRequiredError
    if "Idempotency-Key" in request.headers:
        raise MalformedRequestError(reason="idempotency-key")
    top = None if body.top is None else locate(request.auth, body.top, Right.NONE).entry
    token, secret = create_token(
        request.auth.user,
        name=body.name,
        scopes=body.scope,
        top=top,
        expires_at=body.expires_at,
        actor=request.auth,
    )
    document = TokenMade(token=TokenTold.of(get_token(request.auth, token.pk)), secret=secret)
    address = reverse("api:get_one_token", args=[token.pk])
    return reply(document, status=HTTPStatus.CREATED, location=address)


@router.delete("/tokens/{int:token_id}", response={204: None}, summary="Revoke a token")
def delete_token(request: ApiRequest, token_id: Id) -> HttpResponse:
    """Refuse a token from now on; one that is revoked stays so. A token may revoke itself."""
    revoke_token(get_token(request.auth, token_id), actor=request.auth)
    return no_content()
