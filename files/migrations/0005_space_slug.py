import itertools
import unicodedata

from django.db import migrations, models
from django.utils.text import slugify


def name_spaces(apps, schema_editor):
    """Give each space that lacks one its name in addresses; can be run again."""
    spaces = apps.get_model("files", "Space").objects
    taken = set(spaces.filter(slug__isnull=False).values_list("slug", flat=True))
    lacking = spaces.filter(slug__isnull=True).exclude(kind="system").select_related("owner")
    for space in lacking.order_by("kind", "pk").iterator(chunk_size=500):
        if space.owner is not None:
            wanted = unicodedata.normalize("NFC", space.owner.username)
            if not wanted.strip(".") or not wanted.isprintable() or "/" in wanted:
                wanted = ""
        else:
            wanted = slugify(space.name, allow_unicode=True)
        slug = wanted[:150] or "space"
        numbered = (f"{slug}-{number}" for number in itertools.count(2))
        space.slug = next(name for name in itertools.chain([slug], numbered) if name not in taken)
        taken.add(space.slug)
        space.save(update_fields=["slug"])


class Migration(migrations.Migration):
    dependencies = [
        ("files", "0004_locks"),
    ]

    operations = [
        migrations.AddField(
            model_name="space",
            name="slug",
            field=models.CharField(
                blank=True,
                editable=False,
                max_length=160,
                null=True,
                unique=True,
                verbose_name="name in addresses",
            ),
        ),
        migrations.RunPython(name_spaces, migrations.RunPython.noop, elidable=True),
    ]
