"""Usage: what a space holds, counted afresh, to hold against what is kept in its row."""

from django.db.models import Sum

from files.models import Space, Upload, Version


def measure_usage(space: Space) -> int:
    """Add up all versions in a space, each at its full size, and what open uploads have reserved.

    Equals used_bytes whenever nobody is writing; a difference is a bug.
    """
    held = Version.objects.filter(entry__space=space).aggregate(total=Sum("size"))["total"]
    reserved = Upload.objects.filter(space=space).aggregate(total=Sum("reserved_bytes"))["total"]
    return int(held or 0) + int(reserved or 0)
