from django.apps import AppConfig
from django.core.checks import register

from fibsite import checks


class FibsiteConfig(AppConfig):
    name = "fibsite"

    def ready(self) -> None:
        register(checks.web_environment, "web", deploy=True)
        register(checks.exposure, "web", deploy=True)
        register(checks.limits, "limits")
