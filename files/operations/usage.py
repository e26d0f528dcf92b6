"""Usage: what a space holds, counted afresh, to hold against what is kept in its row."""

from django.db.models import Sum

from files.models import Space, Version


def measure_usage(space: Space) -> int:
    """Add up all versions in a space, each at its full size, in bytes.

    Equals used_bytes whenever nobody is writing; a difference is a bug.
    """
    total = Version.objects.filter(entry__space=space).aggregate(total=Sum("size"))["total"]
    return int(total or 0)
