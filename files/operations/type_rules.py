"""Which types of content may come in: by the server's settings and by each space's own rules.

A rule is a glob over media types, such as video/* or application/x-msdownload, and is held against
what the bytes are, never against what a client calls them. What is there already stays.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

from django.conf import settings
from django.core import checks

from files.errors import InvalidValueError, TypeRefusedError
from files.models import Space

LIMIT: Final = 100  # globs of one space
_GLOB: Final = re.compile(r"[a-z0-9!#$&^_.+*-]{1,127}/[a-z0-9!#$&^_.+*-]{1,127}")


def parse_globs(text: str) -> list[str]:
    """Read globs that blanks, commas or lines part. Raises InvalidValueError for what is none."""
    globs = list(dict.fromkeys(filter(None, re.split(r"[\s,]+", text.lower()))))
    for glob in globs:
        if not _GLOB.fullmatch(glob):
            raise InvalidValueError(field="types", reason=glob[:100])
    if len(globs) > LIMIT:
        raise InvalidValueError(field="types", reason="too-many")
    return globs


@lru_cache(maxsize=256)
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    """Make one expression of some globs; of none, one that matches nothing."""
    parts = (re.escape(glob.lower()).replace(r"\*", ".*") for glob in globs)
    return re.compile("|".join(parts) or r"(?!)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TypeRules:
    """The rules that hold in a space: none may forbid a type, and each that allows some must."""

    forbidding: re.Pattern[str]
    allowing: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, space: Space) -> Self:
        """Give the rules of a space, the server's among them."""
        forbidden = (*settings.FILES_FORBIDDEN_TYPES, *space.forbidden_types.split())
        allowed = (settings.FILES_ALLOWED_TYPES, space.allowed_types.split())
        return cls(_pattern(forbidden), tuple(_pattern(tuple(globs)) for globs in allowed if globs))

    @property
    def hold(self) -> bool:
        """Tell whether there are any: most spaces have none, and need not look at types."""
        return bool(self.allowing) or self.forbidding is not _pattern(())

    def require(self, media_type: str) -> None:
        """Raise TypeRefusedError for a type that may not come in."""
        is_allowed = all(pattern.fullmatch(media_type) for pattern in self.allowing)
        if not is_allowed or self.forbidding.fullmatch(media_type):
            raise TypeRefusedError(media_type=media_type)


def check_settings(**_more: Any) -> Sequence[checks.CheckMessage]:
    """Tell of globs in the settings that would match nothing: they would seem to forbid."""
    messages = []
    for name in ("FILES_FORBIDDEN_TYPES", "FILES_ALLOWED_TYPES"):
        for glob in getattr(settings, name):
            if not _GLOB.fullmatch(glob.lower()):
                text = f"{name} holds {glob!r}, which is no media type such as video/*"
                messages.append(checks.Error(text, id="files.E001"))
    return messages
