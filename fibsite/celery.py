"""The Celery application: `celery -A fibsite worker --queues quick,heavy`."""

import os

from celery import Celery

from calculator.heartbeat import Heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fibsite.settings")

app = Celery("fibsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(Heartbeat)
