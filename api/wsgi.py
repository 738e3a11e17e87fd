"""What gunicorn calls in each worker process, after fork: `api.wsgi:create()`."""

import os

from flask import Flask

from api.app import create_app
from api.database import bound_waits
from api.settings import TRACED, Settings
from schemas.logs import configure_logs
from schemas.settings import Environment, LogFormat
from schemas.traces import Traces


def create() -> Flask:
    """Makes the application from the process's environment. Raises SettingError."""
    environment = Environment(os.environ)
    settings = Settings.read(environment)
    traces = Traces.load(environment, "api", TRACED)
    configure_logs("api", readable=settings.log_format is LogFormat.TEXT, traces=traces)
    bound_waits()
    if traces is None:
        return create_app(settings)
    traces.start()
    app = create_app(settings)
    traces.follow(app)
    return app
