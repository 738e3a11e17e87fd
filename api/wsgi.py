"""What gunicorn calls in each worker process, after fork: `api.wsgi:create()`."""

import os

from flask import Flask

from api.app import create_app
from api.database import bound_waits
from api.settings import Settings
from schemas.logs import configure_logs
from schemas.settings import Environment, LogFormat


def create() -> Flask:
    """Makes the application from the process's environment. Raises SettingError."""
    settings = Settings.read(Environment(os.environ))
    configure_logs("api", readable=settings.log_format is LogFormat.TEXT)
    bound_waits()
    return create_app(settings)
