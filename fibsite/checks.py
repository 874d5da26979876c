"""What a deployment must not do; run by the web process at its start, and by `manage.py check --deploy`."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 Django's name
from django.core.exceptions import ImproperlyConfigured

LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]", "::1"}


def web_environment(**_: Any) -> list[CheckMessage]:
    """Name the variables without which the web process cannot work."""
    problems: list[CheckMessage] = []
    if not secret_key():
        hint = "Set it to 50 random letters and digits, and keep it: it signs the admin's sessions."
        problems.append(Error("SECRET_KEY is not set.", hint=hint, id="fibsite.E001"))
    if not settings.ALLOWED_HOSTS and not settings.DEBUG:
        hint = "Set it to the names that the site is reached by, separated by commas."
        problems.append(Error("ALLOWED_HOSTS is not set.", hint=hint, id="fibsite.E002"))
    return problems


def secret_key() -> str:
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:  # Django's word for an empty one
        return ""


def exposure(**_: Any) -> list[CheckMessage]:
    """Warn of what is fine on a laptop and dangerous in public."""
    problems: list[CheckMessage] = []
    public = [host for host in settings.ALLOWED_HOSTS if host not in LOCAL_HOSTS]
    if public and settings.DEBUG:
        hint = "Unset DEBUG: its error pages show settings and source to every visitor."
        problems.append(Error(f"DEBUG is on for {', '.join(public)}.", hint=hint, id="fibsite.E003"))
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Name the hosts: with * a forged Host header ends up in links."
        problems.append(Warning("ALLOWED_HOSTS allows every host.", hint=hint, id="fibsite.W001"))
    if public and not settings.HTTPS:
        hint = "End TLS in front and unset HTTPS: without it the admin's password crosses the network in clear text."
        problems.append(Warning(f"HTTPS is off for {', '.join(public)}.", hint=hint, id="fibsite.W002"))
    database: dict[str, Any] = settings.DATABASES["default"]
    if not database["HOST"].startswith("/") and database["HOST"] not in LOCAL_HOSTS:
        mode = database["OPTIONS"]["sslmode"]
        if mode != "verify-full":
            hint = "Unset PGSSLMODE, and set PGSSLROOTCERT to the authority's certificates if they are private."
            message = f"PGSSLMODE={mode} does not verify that {database['HOST']} is the database."
            problems.append(Warning(message, hint=hint, id="fibsite.W003"))
    return problems


def limits(**_: Any) -> list[CheckMessage]:
    """Find settings that contradict each other."""
    problems: list[CheckMessage] = []
    if settings.TASK_TIME_LIMIT <= settings.TASK_SOFT_TIME_LIMIT:
        hint = "Give the task some seconds between the two to say that it failed."
        message = "TASK_TIME_LIMIT is not above TASK_SOFT_TIME_LIMIT."
        problems.append(Error(message, hint=hint, id="fibsite.E004"))
    broker, stored = (
        urlsplit(url)._replace(query="", fragment="") for url in (settings.BROKER_URL, settings.VALUES_URL)
    )
    if broker == stored:
        hint = "Use another database of the server, such as …/0 and …/1: clearing the values would clear the queues."
        message = "BROKER_URL and VALUES_URL are the same database."
        problems.append(Error(message, hint=hint, id="fibsite.E005"))
    schemes = {"redis", "rediss", "unix", "redis+socket"}
    for name, url in (("BROKER_URL", broker), ("VALUES_URL", stored)):
        if url.scheme not in schemes:
            hint = "It begins with redis://, or rediss:// for TLS."
            problems.append(Error(f"{name} is not a Redis URL.", hint=hint, id="fibsite.E006"))
    return problems
