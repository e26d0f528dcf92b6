"""One's tokens: what there are, make one, take one back."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from files.access import Located, get_token, locate, locate_all, tokens_of, visible_spaces
from files.errors import TooManyTokensError
from files.http.requests import FilesRequest
from files.ids import is_id
from files.models import Right, Scope, Token
from files.names import visible_name
from files.operations.tokens import MAX_LIVING, create_token, revoke_token
from files.web.errors import sentence
from files.web.forms import TokenForm
from files.web.pages import page, see_other
from files.web.trail import Crumb, title_of

ENDED_SHOWN = 20  # those that count no longer
_SCOPES: dict[Scope, Promise] = {
    Scope.READ: gettext_lazy("read"),
    Scope.WRITE: gettext_lazy("write"),
    Scope.SHARE: gettext_lazy("share"),
    Scope.ADMIN: gettext_lazy("administer"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A token as the page shows it; place is what it is limited to, if that can be seen."""

    token: Token
    place: Located | None

    @property
    def scopes(self) -> str:
        """Name what it is for."""
        return ", ".join(str(word) for scope, word in _SCOPES.items() if scope in self.token.scope)

    @property
    def where(self) -> str:
        """Name what it is limited to."""
        if self.token.top_id is None:
            return _("in all your spaces")
        if self.place is None:
            return _("in a place that is gone, or no longer open to you")
        space, name = visible_name(self.place.entry.space.name), title_of(self.place)
        return name if self.place.entry.parent_id is None else f"{space} / … / {name}"


@page("GET")
def tokens(request: FilesRequest) -> HttpResponse:
    """List one's tokens, newest first, and the last of those that have ended."""
    mine, now = tokens_of(request.actor), timezone.now()
    living = _rows(request, list(mine.living(now)[:MAX_LIVING]))
    ended = list(mine.exclude(pk__in=mine.living(now).values("pk"))[:ENDED_SHOWN])
    context = {
        "crumbs": [Crumb(_("Tokens"))],
        "rows": living,
        "ended": _rows(request, ended),
    }
    return render(request, "files/tokens.html", context)


@page("GET", "POST")
def create(request: FilesRequest) -> HttpResponse:
    """Ask what a token should be for, then make it and show its secret this once."""
    folder = _folder(request)
    form = TokenForm(request.POST or None, places=_places(request, folder), place=folder)
    status, back = HTTPStatus.OK, reverse("web:tokens")
    crumbs = [Crumb(_("Tokens"), back), Crumb(_("New token"))]
    context: dict[str, object] = {"crumbs": crumbs, "back": back, "folder": folder}
    if request.method == "POST":
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            try:
                token, secret = _make(request, form)
            except TooManyTokensError as error:
                form.add_error(None, sentence(error))
                status = error.status
            else:
                context |= {"row": _rows(request, [token])[0], "secret": secret}
                return render(request, "files/token_created.html", context)
    return render(request, "files/create_token.html", {**context, "form": form}, status=status)


@page("GET", "POST")
def revoke(request: FilesRequest, token_id: int) -> HttpResponse:
    """Ask whether a token should count no longer, and see to it on POST."""
    token = get_token(request.actor, token_id)
    back = reverse("web:tokens")
    if request.method == "POST":
        revoke_token(token, actor=request.actor)
        text = _("The token “%(name)s” was revoked. Whoever comes by it is refused.")
        messages.success(request, text % {"name": visible_name(token.name)})
        return see_other(back)
    context = {
        "crumbs": [Crumb(_("Tokens"), back), Crumb(_("Revoke"))],
        "row": _rows(request, [token])[0],
        "back": back,
    }
    return render(request, "files/revoke_token.html", context)


def _rows(request: FilesRequest, found: list[Token]) -> list[Row]:
    """Find what tokens are limited to, all at once."""
    tops = [token.top_id for token in found if token.top_id is not None]
    places = locate_all(request.actor, tops, Right.NONE)
    return [Row(token, places.get(token.top_id or 0)) for token in found]


def _folder(request: FilesRequest) -> str:
    """Give the id of the folder that one came from, as text; empty for none."""
    folder = (request.POST if request.method == "POST" else request.GET).get("folder", "")
    return folder if is_id(folder) else ""


def _places(request: FilesRequest, folder: str) -> list[tuple[str, str]]:
    """Give what a token can be limited to: nothing, a space, the folder that one came from."""
    spaces = [(str(space.root_id), space.name) for space, _rights in visible_spaces(request.actor)]
    places = [("", _("All your spaces")), *((key, visible_name(name)) for key, name in spaces)]
    if folder:
        located = locate(request.actor, int(folder), Right.NONE)
        if located.entry.parent_id is not None:
            space = visible_name(located.entry.space.name)
            places.append((folder, f"{space} / … / {title_of(located)}"))
    return places


def _make(request: FilesRequest, form: TokenForm) -> tuple[Token, str]:
    """Make the token that a form asks for. Raises TooManyTokensError and others."""
    data, user = form.cleaned_data, request.actor.user
    assert user is not None  # noqa: S101 - only people get here
    top = locate(request.actor, int(data["top"]), Right.NONE).entry if data["top"] else None
    days = int(data["expires"]) if data["expires"] else None
    return create_token(
        user,
        name=data["name"],
        scopes=Scope.of_words(data["scopes"]),
        top=top,
        expires_at=timezone.now() + timedelta(days=days) if days else None,
        actor=request.actor,
    )
