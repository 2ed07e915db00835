"""Django settings, derived from the environment that `scoc.core.environment` describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from scoc.core.environment import BadEnvironment, Environment, read_environment
from scoc.core.secrets import installation_secret, purpose_key

ENVIRONMENT: Environment = read_environment()
BASE_DIR = Path(__file__).resolve().parents[2]
SCOC_HOME = ENVIRONMENT.home.resolve()
SCOC_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)  # sessions and persons lie in it
SCOC_SECRET: bytes = installation_secret(ENVIRONMENT.secret_file or SCOC_HOME / "secret")
SCOC_FILES = Path(ENVIRONMENT.files_url) if ENVIRONMENT.files_url else SCOC_HOME / "files"
_CARRIED_CITIES = Path(__file__).parent / "cities"
SCOC_CITIES = _CARRIED_CITIES if _CARRIED_CITIES.is_dir() else BASE_DIR / "cities"


def _database(url: str) -> dict[str, Any]:
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": SCOC_HOME / "scoc.sqlite3",
            "OPTIONS": {
                # Acknowledged means stored: every commit reaches the disk. IMMEDIATE takes the one
                # write lock at the start, so a transaction cannot fail half way for want of it. Triggers
                # recurse, since otherwise REPLACE deletes rows of append-only tables unseen.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA recursive_triggers=ON; PRAGMA mmap_size=268435456; PRAGMA cache_size=-32000;",
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
            },
            "TEST": {"NAME": SCOC_HOME / "test.sqlite3"},
        }
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise BadEnvironment("SCOC_DATABASE_URL must read postgresql://user:password@host:port/name.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {**options, "pool": {"min_size": 1, "max_size": 12, "timeout": 20}},
    }


def _lake(url: str) -> tuple[str, dict[str, str]]:
    """Where the lake's tables lie, and what the S3 client is told."""
    if "://" not in url:
        return str((Path(url).expanduser() if url else SCOC_HOME / "lake").resolve()), {}
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme != "s3" or not parts.hostname or options.keys() - {"endpoint", "region"}:
        raise BadEnvironment(
            "SCOC_LAKE_URL must be a folder, or read s3://key:secret@bucket/prefix?endpoint=https://host&region=name."
        )
    if bool(parts.username) != bool(parts.password):
        raise BadEnvironment("SCOC_LAKE_URL must hold both key and secret, or neither.")
    told = {"AWS_REGION": options.get("region", "us-east-1")}
    if parts.username and parts.password:
        told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"] = unquote(parts.username), unquote(parts.password)
    if "endpoint" in options:
        told["AWS_ENDPOINT_URL"] = options["endpoint"]
        told["AWS_ALLOW_HTTP"] = str(options["endpoint"].startswith("http://")).lower()
    return f"s3://{parts.hostname}{parts.path.rstrip('/')}", told


SCOC_LAKE: tuple[str, dict[str, str]] = _lake(ENVIRONMENT.lake_url)
SECRET_KEY = purpose_key(SCOC_SECRET, "django").hex()
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = [host.strip() for host in ENVIRONMENT.hosts.split(",") if host.strip()]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "zh-hans"
USE_I18N = False

INSTALLED_APPS = [
    "django.contrib.auth",  # its middleware and session code import its models
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "scoc.core",
    "scoc.lake",
    "scoc.spatial",
    "scoc.sensing",
    "scoc.command.intake",
    "scoc.command.cases",
    "scoc.command.indicators",
    "scoc.command.cockpit",
    "scoc.rehearsal",
]
MIDDLEWARE = [
    "scoc.core.http.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "scoc.core.http.middleware.request_context",
]
ROOT_URLCONF = "scoc.site.urls"
ASGI_APPLICATION = "scoc.site.asgi.application"
DATABASES = {"default": _database(ENVIRONMENT.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
# Behind a proxy that ends TLS, browsers give their cookies to nothing else.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.tls
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.tls else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

STATIC_URL = "/static/"
SCOC_WEB = next(
    (folder for folder in (Path(__file__).parent / "web", BASE_DIR / "web" / "dist") if folder.is_dir()), None
)
"""The built front end: shipped inside the package, or built beside it; None before it was built."""
STATIC_ROOT = SCOC_WEB or SCOC_HOME / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # before the front end is built there is nothing to serve, and that is no fault
WHITENOISE_USE_FINDERS = False
WHITENOISE_AUTOREFRESH = False
WHITENOISE_INDEX_FILE = False
WHITENOISE_ROOT = None
WHITENOISE_ALLOW_ALL_ORIGINS = False
# the build names each file by its content
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/assets/"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"masked": {"()": "scoc.core.logs.MaskPersons"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["masked"], "formatter": "line"},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        # what callers did wrong is in their answers, and in the audit where it matters
        "django.request": {"level": "ERROR"},
    },
}
