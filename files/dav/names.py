"""Names that a server may keep out: what some systems scatter over every folder that they open."""

from fnmatch import fnmatchcase

from django.conf import settings

from files.dav_errors import NameRefusedError


def require_wanted_name(name: str) -> None:
    """Raise NameRefusedError for a name that FILES_DAV_REFUSED_NAMES keeps out."""
    for pattern in settings.FILES_DAV_REFUSED_NAMES:
        if fnmatchcase(name, pattern):
            raise NameRefusedError(pattern=pattern)
