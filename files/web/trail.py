"""The way to an entry, as the breadcrumb shows it."""

from dataclasses import dataclass

from django.urls import reverse

from files.access import Located
from files.models import Right
from files.names import visible_name


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step on the way; the last one has no address."""

    name: str
    url: str | None = None


def title_of(located: Located) -> str:
    """Name an entry for people: the root of a space goes by the name of the space."""
    return visible_name(located.entry.name or located.entry.space.name)


def trail_to(located: Located, *, last: str = "") -> list[Crumb]:
    """Give the steps from the space to an entry, and to a page about it if last names one.

    Who may add but not read is not told what is above.
    """
    crumbs: list[Crumb] = []
    if Right.READ in located.rights:
        for node in located.ancestors:
            name = visible_name(node.name or located.entry.space.name)
            crumbs.append(Crumb(name, reverse("web:folder", args=[node.id])))
    if not last:
        return [*crumbs, Crumb(title_of(located))]
    where = "web:folder" if located.entry.is_folder else "web:entry"
    url = reverse(where, args=[located.entry.pk])
    return [*crumbs, Crumb(title_of(located), url), Crumb(last)]
