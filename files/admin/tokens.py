"""Tokens, for staff to look at and to revoke; secrets are kept nowhere."""

from collections.abc import Iterable, Sequence
from typing import Any, override

from django.contrib import admin, messages
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_stubs_ext import StrOrPromise

from files.access import Actor
from files.models import Entry, Event, Right, Token
from files.models.tokens import SECRET_BEGIN
from files.names import visible_name
from files.operations.tokens import PREFIX_LENGTH, revoke_token
from files.templatetags.files import moment

from .actors import user_of
from .base import ReadOnlyAdmin
from .confirming import ask_first
from .shown import page_link, user_link, viewer_of


class StateFilter(admin.SimpleListFilter):
    """Those that count, those that expired, those that were revoked."""

    title = _("state")
    parameter_name = "state"

    @override
    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, StrOrPromise]]:
        """Give the choices."""
        return [("valid", _("Valid")), ("expired", _("Expired")), ("revoked", _("Revoked"))]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Token]) -> QuerySet[Token]:
        """Narrow the list down."""
        over = Q(expires_at__lte=timezone.now())
        match self.value():
            case "valid":
                return queryset.filter(revoked_at__isnull=True).exclude(over)
            case "expired":
                return queryset.filter(over, revoked_at__isnull=True)
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
            case _:
                return queryset


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin[Token]):
    """Read tokens; revoking takes the permission to change them."""

    list_display = (
        "shown_name",
        "shown_user",
        "shown_prefix",
        "shown_scopes",
        "shown_top",
        "shown_used",
        "shown_expires",
        "shown_revoked",
    )
    list_filter = (StateFilter,)
    search_fields = ("user__username",)
    search_help_text = _("The whole name of an account, or how a secret begins.")
    sortable_by = ()
    actions = ("revoke",)  # type: ignore[assignment]  # the one change that there is
    ordering = ("-id",)
    fields = (*list_display[:5], "shown_created", "shown_used", "last_ip", *list_display[6:])
    readonly_fields = (*list_display, "shown_created")

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        """Give tokens with the names of what they are limited to."""
        tops = Entry.objects.filter(pk=OuterRef("top_id"))
        return (
            super()
            .get_queryset(request)
            .select_related("user")
            .annotate(
                top_name=Subquery(tops.values("name")[:1]),
                top_space=Subquery(tops.values("space__name")[:1]),
            )
        )

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Token], search_term: str
    ) -> tuple[QuerySet[Token], bool]:
        """Find by whose it is, or by how the secret begins: a whole one is never looked for."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.startswith(SECRET_BEGIN):
            return queryset.filter(prefix=term[:PREFIX_LENGTH]), False
        return queryset.filter(user__username=term), False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Tell whether somebody may revoke the tokens of others."""
        return request.user.has_perm("files.change_token")

    @admin.action(description=_("Revoke"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Token]) -> TemplateResponse | None:
        """Ask whether tokens should be revoked, and do so when that was confirmed."""
        template = "admin/files/token/revoke.html"
        title = _("Revoke tokens")
        return ask_first(self, request, queryset, self._revoke, title=title, template=template)

    def _revoke(self, request: HttpRequest, tokens: Sequence[Token]) -> None:
        """Revoke tokens one by one."""
        actor = Actor(user_of(request), Event.Door.ADMIN, everywhere=Right.MANAGE)
        for token in tokens:
            revoke_token(token, actor=actor)
        count = len(tokens)
        text = ngettext("%(count)d token was revoked.", "%(count)d tokens were revoked.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @admin.display(description=_("name"))
    def shown_name(self, token: Token) -> str:
        """Show what its user calls it."""
        return format_html("<bdi>{}</bdi>", visible_name(token.name))

    @admin.display(description=_("user"))
    def shown_user(self, token: Token) -> str:
        """Link to whose it is."""
        return user_link(viewer_of(token), token.user)

    @admin.display(description=_("begins with"))
    def shown_prefix(self, token: Token) -> str:
        """Show how the secret begins."""
        return format_html("<code>{}…</code>", token.prefix)

    @admin.display(description=_("scopes"))
    def shown_scopes(self, token: Token) -> str:
        """Show what it is for, as commands and the API spell it."""
        return ", ".join(token.scope.words)

    @admin.display(description=_("only in"))
    def shown_top(self, token: Token) -> str:
        """Link to what it is limited to; the root of a space goes by the name of that."""
        if token.top_id is None:
            return "-"
        space: str | None = getattr(token, "top_space", None)
        if space is None:
            return str(_("gone"))
        if name := getattr(token, "top_name", ""):
            return page_link(viewer_of(token), "entry", token.top_id, visible_name(name))
        return format_html("<bdi>{}</bdi>", visible_name(space))

    @admin.display(description=_("made"))
    def shown_created(self, token: Token) -> str:
        """Show since when there is it."""
        return moment(token.created_at)

    @admin.display(description=_("last used"))
    def shown_used(self, token: Token) -> str:
        """Show when it was used last."""
        return moment(token.last_used_at) if token.last_used_at else "-"

    @admin.display(description=_("expires"))
    def shown_expires(self, token: Token) -> str:
        """Show until when it counts."""
        return moment(token.expires_at) if token.expires_at else "-"

    @admin.display(description=_("revoked"))
    def shown_revoked(self, token: Token) -> str:
        """Show since when it counts no longer."""
        return moment(token.revoked_at) if token.revoked_at else "-"
