"""Hashed, compressed static files, imports inside ES modules included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # untyped
    """Rewrite import statements too, so that no bundler is needed."""

    support_js_module_import_aggregation = True
