"""App configuration."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    """Registers the files app."""

    name = "files"
    verbose_name = "Strongroom"
