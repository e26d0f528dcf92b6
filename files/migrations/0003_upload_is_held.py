from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("files", "0002_uploads"),
    ]

    operations = [
        migrations.AddField(
            model_name="upload",
            name="is_held",
            field=models.BooleanField(default=False),
        ),
    ]
