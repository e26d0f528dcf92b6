"""What all our lists and pages in the admin share."""

from typing import Any, override

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst

from files.errors import FilesError, InvalidValueError

from .paging import BoundedPaginator
from .shown import show_to


class SeenList(ChangeList):
    """A page of a list whose rows know who looks at them."""

    @override
    def get_results(self, request: HttpRequest) -> None:
        """Read the page once, and note on its rows for whom it is."""
        super().get_results(request)
        show_to(request.user, self.result_list)

    @property
    def has_fault(self) -> bool:
        """Tell whether some filter could not be understood, and has to say so."""
        return any(getattr(spec, "fault", "") for spec in self.filter_specs)


class KeyedActions[M: Model](admin.ModelAdmin[M]):
    """Actions on rows whose keys were checked: a key that can be none would end as a fault."""

    @override
    def response_action(
        self, request: HttpRequest, queryset: QuerySet[M], *args: Any, **more: Any
    ) -> HttpResponse | None:
        """Run an action. Raises InvalidValueError for what is no key."""
        for text in request.POST.getlist(ACTION_CHECKBOX_NAME):
            try:
                self.opts.pk.run_validators(self.opts.pk.to_python(text))
            except ValidationError:
                raise InvalidValueError(field=ACTION_CHECKBOX_NAME) from None
        return super().response_action(request, queryset, *args, **more)


class LongListAdmin[M: Model](KeyedActions[M]):
    """A list that may be long, and pages on which a refusal of an operation is a message."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_max_show_all = 0
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER  # each would count all rows

    @override
    def get_changelist(self, request: HttpRequest, **more: Any) -> type[SeenList]:
        """Give the list whose rows know who looks at them."""
        return SeenList

    @override
    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> M | None:
        """Read one row, and note on it for whom it is."""
        row = super().get_object(request, object_id, from_field)
        show_to(request.user, [row] if row else [])
        return row

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list under the name of what is in it."""
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or change one; what an operation refuses is said above the form."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except FilesError as error:
            return self.refused(request, error)

    @override
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete one; what an operation refuses is said above the page."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except FilesError as error:
            return self.refused(request, error)

    def refused(self, request: HttpRequest, error: FilesError) -> HttpResponse:
        """Say why an operation refused, on the page that was left."""
        self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin[M: Model](LongListAdmin[M]):
    """For what only operations make and change, and staff may look at."""

    actions = None
    change_form_template = "admin/files/record.html"

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: operations make these."""
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse: operations change these."""
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse: operations delete these."""
        return False
