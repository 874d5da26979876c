"""
Settings, from environment variables alone; the table is in the README.

Development and production differ by these variables only. SECRET_KEY and ALLOWED_HOSTS have no default: the web process
does not start without them (checks.py), while the worker and the commands, which have no use for them, do.
"""

import ssl
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured
from django_guid.integrations import CeleryIntegration
from environs import Env, EnvValidationError, validate

from calculator.indices import HIGHEST

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env(eager=False)  # every wrong variable is reported at once, by env.seal() below


def at_least(lowest: int) -> validate.Range:
    return validate.Range(min=lowest)


DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
# Whether visitors come by https, through whatever ends TLS in front. Off only without any TLS, as on a laptop.
HTTPS = env.bool("HTTPS", not DEBUG)
# In development: the page that is open in a browser follows a change of a template or a static file.
BROWSER_RELOAD = env.bool("BROWSER_RELOAD", False)
# Where the nginx with the static files is, if there is one: host:port, for the picture of the system.
FRONTEND_ADDRESS = env.str("FRONTEND_ADDRESS", "", validate=validate.Regexp(r"^(?:[^\s:/]+:\d{1,5})?\Z"))
LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]))

# What is asked of the subject, see calculator/indices.py and calculator/values.py.
MAX_INDEX = env.int("MAX_INDEX", 100_000_000, validate=validate.Range(min=0, max=HIGHEST))
VALUE_TTL_SECONDS = env.int("VALUE_TTL_SECONDS", 30 * 24 * 3600, validate=at_least(60))
QUICK_SECONDS = env.float("QUICK_SECONDS", 0.05, validate=validate.Range(min=0))
TASK_SOFT_TIME_LIMIT = env.int("TASK_SOFT_TIME_LIMIT", 600, validate=at_least(1))
# Touched by the worker as long as it lives, for a container's health check.
WORKER_HEARTBEAT_FILE = env.str("WORKER_HEARTBEAT_FILE", "")
TASK_TIME_LIMIT = env.int("TASK_TIME_LIMIT", 660, validate=at_least(2))

# Postgres. Elastic Beanstalk names a coupled database RDS_*.
pg_host = env.str("PGHOST", "") or env.str("RDS_HOSTNAME", "") or "localhost"
pg_port = env.int("PGPORT", None) or env.int("RDS_PORT", None) or 5432
pg_name = env.str("PGDATABASE", "") or env.str("RDS_DB_NAME", "") or "fibsite"
pg_user = env.str("PGUSER", "") or env.str("RDS_USERNAME", "") or "fibsite"
pg_password = env.str("PGPASSWORD", "") or env.str("RDS_PASSWORD", "")
pg_is_here = pg_host.startswith("/") or pg_host in {"localhost", "127.0.0.1", "::1"}
# Over a network the server must prove who it is; on the same machine there is nobody in between.
pg_sslmode = env.str(
    "PGSSLMODE",
    "prefer" if pg_is_here else "verify-full",
    validate=validate.OneOf(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
)
system_certificates = ssl.get_default_verify_paths().cafile
pg_sslrootcert = env.str("PGSSLROOTCERT", "") or system_certificates
web_threads = env.int("WEB_THREADS", 16, validate=at_least(1))

# Redis: the broker in database 0 and the values in database 1 of one server, unless their URLs say otherwise.
redis_host = env.str("REDIS_HOST", "") or "localhost"
redis_port = env.int("REDIS_PORT", None) or 6379
redis_user = env.str("REDIS_USERNAME", "")
redis_password = env.str("REDIS_PASSWORD", "")
redis_tls = env.bool("REDIS_TLS", False)
redis_ca_certs = env.str("REDIS_CA_CERTS", "") or system_certificates
static_root = Path(env.str("STATIC_ROOT", "") or BASE_DIR / "var" / "static")
broker_url = env.str("BROKER_URL", "")
values_url = env.str("VALUES_URL", "")

try:
    env.seal()
except EnvValidationError as error:
    reasons: Any = error.error_messages
    wrong = "; ".join(f"{name}: {' '.join(reasons[name])}" for name in reasons)
    # Not an exception that some caller would show with its stack: whatever starts with these settings stops here.
    sys.exit(f"fibsite: these environment variables are wrong: {wrong}")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_guid",
    "django_htmx",
    "calculator",
    "frontend",
    "fibsite",
]

MIDDLEWARE = [
    # First: a load balancer's probe carries the host's private address as Host and speaks plain http.
    "fibsite.health.HealthMiddleware",
    "django_guid.middleware.guid_middleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "fibsite.errors.OutageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

if BROWSER_RELOAD:
    try:
        # Here, for it sees what was changed after it was imported.
        from fibsite import reloading
    except ImportError as error:
        raise ImproperlyConfigured(
            f"BROWSER_RELOAD is for development: install requirements/development.txt ({error})."
        ) from error
    reloading.install()
    INSTALLED_APPS += ["django_browser_reload"]
    MIDDLEWARE += ["django_browser_reload.middleware.BrowserReloadMiddleware"]

ROOT_URLCONF = "fibsite.urls"
WSGI_APPLICATION = "fibsite.wsgi.application"
# The API's paths have no trailing slash, and a redirect would lose the body of a POST.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": pg_host,
        "PORT": pg_port,
        "NAME": pg_name,
        "USER": pg_user,
        "PASSWORD": pg_password,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # One connection for each thread. When Postgres is away a visitor waits 3 s for the 503, not 30.
            "pool": {"min_size": 1, "max_size": web_threads, "timeout": 3},
            "connect_timeout": 3,
            "sslmode": pg_sslmode,
            **({"sslrootcert": pg_sslrootcert} if pg_sslmode.startswith("verify") and pg_sslrootcert else {}),
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def redis_url(database: int) -> str:
    """Return the URL of a database of the Redis server that REDIS_HOST, REDIS_PORT, … name."""
    scheme = "rediss" if redis_tls else "redis"
    account = f"{quote(redis_user, safe='')}:{quote(redis_password, safe='')}@" if redis_password else ""
    return f"{scheme}://{account}{redis_host}:{redis_port}/{database}"


# Celery and redis-py read TLS options of a URL each in its own way, so neither is given any: verification is set here.
BROKER_URL = broker_url or redis_url(0)
VALUES_URL = values_url or redis_url(1)
REDIS_CA_CERTS = redis_ca_certs

CELERY_BROKER_URL = BROKER_URL
if BROKER_URL.startswith("rediss:"):
    CELERY_BROKER_USE_SSL = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": REDIS_CA_CERTS}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_LIMIT = web_threads
# A web request that finds the broker away must fail fast; the index is kept and queued later.
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Far above TASK_TIME_LIMIT: a message that is only slow must not be delivered a second time.
    "visibility_timeout": max(7200, 4 * TASK_TIME_LIMIT),
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "retry_on_timeout": True,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.1}
CELERY_TASK_IGNORE_RESULT = True  # the stored value is the result
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True  # else a killed child's message is acknowledged, and lost
CELERY_TASK_SOFT_TIME_LIMIT = TASK_SOFT_TIME_LIMIT
CELERY_TASK_TIME_LIMIT = TASK_TIME_LIMIT
CELERY_TASK_DEFAULT_QUEUE = "quick"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Told to stop, a worker has this long to finish; what it does not finish goes back to the queue.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_EVENT_QUEUE_TTL = 60

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "calculator.parsers.BoundedJSONParser",
        "calculator.parsers.BoundedFormParser",
    ],
    # The API is open and knows no users, so a session cookie must not make it ask for a CSRF token.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "calculator.negotiation.FirstForm",
    "EXCEPTION_HANDLER": "calculator.problems.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Fibsite",
    "DESCRIPTION": "Exact Fibonacci numbers. F(0) = 0, F(1) = 1, F(7) = 13.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

STATIC_URL = "/static/"
STATIC_ROOT = static_root
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# The routing nginx passes the balancer's header on and drops a visitor's own.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
# Nothing from another host, and nothing that stands in the page itself.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}

# The routing nginx makes the request id; the web process gives it to the worker with the task.
DJANGO_GUID = {
    "GUID_HEADER_NAME": "X-Request-ID",
    "EXPOSE_HEADER": False,
    "INTEGRATIONS": [CeleryIntegration()],
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "django_guid.log_filters.CorrelationId"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(correlation_id)s] %(message)s"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stdout"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers write a second line, and send mail, for what the root logger already has.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # It tells of each request id that it passes on.
        "django_guid": {"handlers": [], "level": "WARNING", "propagate": True},
        # Requests that were wrong are their senders' affair; only failures of ours are worth a line.
        "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
        # It repeats itself several times a second while Postgres is away; the requests that notice say it too.
        "psycopg.pool": {"handlers": [], "level": "ERROR", "propagate": True},
        # A refused Host is a visitor's doing, and a scanner would fill the log.
        "django.security.DisallowedHost": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}
