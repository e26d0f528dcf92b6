"""What all our lists and pages in the admin share."""

from typing import Any, override

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst

from files.errors import FilesError

from .paging import BoundedPaginator


class LongListAdmin[M: Model](admin.ModelAdmin[M]):
    """A list that may be long, and pages on which a refusal of an operation is a message."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_max_show_all = 0
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER  # each would count all rows

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
