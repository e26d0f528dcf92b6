"""App configuration."""

from django.apps import AppConfig
from django.core import checks


class FilesConfig(AppConfig):
    """Registers the files app."""

    name = "files"
    verbose_name = "Strongroom"

    def ready(self) -> None:
        """Register what is checked before anything serves."""
        from .management.landing import check_landing  # they need the models
        from .operations.type_rules import check_settings

        checks.register(check_settings)
        checks.register(check_landing)
