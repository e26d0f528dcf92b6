"""Django settings; every deployment difference is an environment variable (docs/settings.md).

Any variable may also be given as NAME_FILE, the path of a file that holds its value.
"""

import os
from pathlib import Path

import django_stubs_ext
import environ
from django.utils.csp import CSP

from project.logs import configuration as logging_configuration

django_stubs_ext.monkeypatch()
env = environ.FileAwareEnv()
BASE_DIR = Path(__file__).resolve().parent.parent

# Where state lies: uploads/, logs/, run/ and, unless FILES_DB_DIR moves them away from what nginx
# may read, the SQLite database and the secret key.
FILES_DATA_DIR = (BASE_DIR / env.str("FILES_DATA_DIR", default="data")).resolve()
FILES_DB_DIR = (BASE_DIR / env.str("FILES_DB_DIR", default=str(FILES_DATA_DIR))).resolve()
FILES_STATIC_ROOT = BASE_DIR / env.str("FILES_STATIC_ROOT", default=str(FILES_DATA_DIR / "static"))

# Made by `manage.py prepare`. Without a key, commands that sign nothing still run (the image is
# built so); Django refuses to serve.
_KEY_FILE = FILES_DB_DIR / "secret_key"
SECRET_KEY = env.str("SECRET_KEY", default="") or (
    _KEY_FILE.read_text().strip() if os.access(_KEY_FILE, os.R_OK) else ""
)
DEBUG = env.bool("DEBUG", default=False)

# The names of this machine are always served: health checks and `make run` use them.
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=[]), "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

DATABASES = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{FILES_DB_DIR / 'strongroom.sqlite3'}")
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Requests run in long-lived threads, which keep their connections.
DATABASES["default"]["CONN_MAX_AGE"] = env.int("FILES_DB_CONN_MAX_AGE_SECONDS", default=None)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "project.queued_sqlite"
    DATABASES["default"]["OPTIONS"] = {
        # SQLite has no row locks: take the write lock when a transaction starts.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,  # seconds
        # FULL: with NORMAL, WAL loses commits on power loss that were acknowledged.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }

INSTALLED_APPS = [
    "files",  # first: its templates take the place of the admin's and allauth's
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "django_tasks_db",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "files.middleware.FilesMiddleware",
]
ROOT_URLCONF = "project.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # Shared by the workers, so that limits on attempts hold across them; `prepare` makes the table.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # So many addresses that fail to sign in push nobody's count out.
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}
TASKS = {"default": {"BACKEND": "files.jobs.backend.JobBackend"}}

# Accounts: staff make them; people sign in by name.
AUTHENTICATION_BACKENDS = [
    "files.http.sessions.AccountBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "files.web.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False

USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", "English"), ("ru", "Русский")]
LOCALE_PATHS = [BASE_DIR / "files" / "locale"]
FORMAT_MODULE_PATH = "project.formats"

STATIC_URL = "/static/"
STATIC_ROOT = FILES_STATIC_ROOT
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site has a use for our static files
STORAGES = {
    "default": {"BACKEND": "files.storage.filesystem.BlobStorage"},
    "staticfiles": {"BACKEND": "files.staticfiles.ModuleStaticFilesStorage"},
}
MEDIA_ROOT = FILES_DATA_DIR / "uploads"
FILE_UPLOAD_PERMISSIONS = 0o640  # nginx reads as owner or group, nobody else does
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750

# Security. FILES_HTTPS says that people reach this installation by https only.
FILES_HTTPS = env.bool("FILES_HTTPS", default=False)
SECURE_SSL_REDIRECT = FILES_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # asked by the health check on the plain port
# uvicorn takes the scheme from X-Forwarded-Proto, from trusted proxies only; no second trust here.
SECURE_HSTS_SECONDS = env.int("FILES_HSTS_SECONDS", default=31_536_000) if FILES_HTTPS else 0
SESSION_ENGINE = "files.http.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = FILES_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "media-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "frame-src": [CSP.SELF],  # the browser's PDF viewer on the file page
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
}
SILENCED_SYSTEM_CHECKS = [
    # Whether the other names below this domain have https is not this installation's to declare.
    "security.W005",
    "security.W021",
]

# Origins whose pages may upload (docs/tus.md), as "https://app.example.org"; cookies never count.
FILES_CORS_ORIGINS = env.list("FILES_CORS_ORIGINS", default=[])

# Proxies in front of the backend whose X-Forwarded-* and X-Sendfile-Type are believed: addresses,
# networks, or * where only the proxy can reach the backend.
FILES_TRUSTED_PROXIES = env.list("FILES_TRUSTED_PROXIES", default=["127.0.0.1", "::1"])
# Proxies in front of the nginx that `serve` starts: addresses or networks.
FILES_FRONT_PROXIES = env.list("FILES_FRONT_PROXIES", default=[])

# Whether programs may sign in over plain http from other machines, and at /dav/ with the password
# of an account in place of a token.
FILES_TOKENS_PLAIN_HTTP = env.bool("FILES_TOKENS_PLAIN_HTTP", default=False)
FILES_DAV_PASSWORDS = env.bool("FILES_DAV_PASSWORDS", default=False)

# Where `serve` listens, and with how many backend processes.
FILES_HOST = env.str("FILES_HOST", default="127.0.0.1")
FILES_PORT = env.int("FILES_PORT", default=8080)
FILES_BACKEND_PORT = env.int("FILES_BACKEND_PORT", default=8000)  # on 127.0.0.1
FILES_WORKERS = env.int("FILES_WORKERS", default=os.cpu_count() or 1)  # processes

# Whether nginx receives large bodies into files itself: one host, local disk (docs/deploy.md).
FILES_LANDING = env.bool("FILES_LANDING", default=False)

# The administrator whom `prepare` makes where there is none.
FILES_ADMIN_USER = env.str("FILES_ADMIN_USER", default="admin")
FILES_ADMIN_PASSWORD = env.str("FILES_ADMIN_PASSWORD", default="")

# Limits.
FILES_MAX_UPLOAD_SIZE = env.int("FILES_MAX_UPLOAD_SIZE", default=100 * 2**30)  # bytes, one file
FILES_MAX_UPLOAD_FILES = env.int("FILES_MAX_UPLOAD_FILES", default=2000)  # parts in one form
FILES_MAX_OPEN_UPLOADS = env.int("FILES_MAX_OPEN_UPLOADS", default=5000)  # unfinished, one user
FILES_UPLOAD_EXPIRY_SECONDS = env.int("FILES_UPLOAD_EXPIRY_SECONDS", default=7 * 86_400)
FILES_LOCK_SECONDS = env.int("FILES_LOCK_SECONDS", default=1_800)  # unless a client says how long
FILES_MAX_LOCK_SECONDS = env.int("FILES_MAX_LOCK_SECONDS", default=86_400)  # then it is over
# Types that come in, as globs such as video/*: all but the forbidden, or only the allowed.
FILES_FORBIDDEN_TYPES = env.list("FILES_FORBIDDEN_TYPES", default=[])
FILES_ALLOWED_TYPES = env.list("FILES_ALLOWED_TYPES", default=[])
FILES_API_RATE = env.int("FILES_API_RATE", default=3000)  # requests a minute, one person; 0: none
FILES_MAX_BODY_SIZE = env.int("FILES_MAX_BODY_SIZE", default=2_621_440)  # bytes, all other requests
DATA_UPLOAD_MAX_MEMORY_SIZE = FILES_MAX_BODY_SIZE
FILES_DEFAULT_QUOTA = env.int("FILES_DEFAULT_QUOTA", default=0)  # bytes a new space; 0: no limit
FILES_MIN_FREE_SPACE = env.int("FILES_MIN_FREE_SPACE", default=512 * 2**20)  # bytes kept free
# Names that WebDAV keeps out, as globs such as ._*; what is there already stays.
FILES_DAV_REFUSED_NAMES = env.list("FILES_DAV_REFUSED_NAMES", default=[])
FILES_MAX_DEPTH = env.int("FILES_MAX_DEPTH", default=64)  # folders inside each other
# Seconds from a blob's last reference until its bytes go.
FILES_BLOB_GRACE_SECONDS = env.int("FILES_BLOB_GRACE_SECONDS", default=86_400)
# Whether the hourly sweep only reports what it would delete; `sweep_blobs` deletes in any case.
FILES_SWEEP_DRY_RUN = env.bool("FILES_SWEEP_DRY_RUN", default=True)
# Whether the hourly expiry of uploads only reports what it would discard, as FILES_SWEEP_DRY_RUN.
FILES_EXPIRE_DRY_RUN = env.bool("FILES_EXPIRE_DRY_RUN", default=True)

# Logs: JSON lines on stderr and in FILES_DATA_DIR/logs/strongroom.log.
FILES_LOG_LEVEL = env.str("FILES_LOG_LEVEL", default="INFO")
FILES_LOG_MAX_BYTES = env.int("FILES_LOG_MAX_BYTES", default=20 * 2**20)  # bytes, then rotated
FILES_LOG_BACKUPS = env.int("FILES_LOG_BACKUPS", default=5)  # rotated files kept
LOGGING = logging_configuration(
    FILES_DATA_DIR / "logs" / "strongroom.log",
    level=FILES_LOG_LEVEL,
    max_bytes=FILES_LOG_MAX_BYTES,
    backups=FILES_LOG_BACKUPS,
)
