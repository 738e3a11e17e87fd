"""Puts the application together. Making one opens nothing and reads no environment."""

from flask import Flask

from api import health, imports, movies, notifications
from api.document import CONFIG, Api
from api.errors import handle_errors
from api.observe import observe_requests
from api.services import Services
from api.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Makes the application, for gunicorn and for tests."""
    app = Flask("api", static_folder=None)
    app.config.from_mapping(CONFIG)
    app.url_map.merge_slashes = False  # '//movies' is 404 rather than a page that redirects
    Services.install(app, settings)
    observe_requests(app)
    api = Api(app)
    for views in (movies, imports, notifications, health):
        api.register_blueprint(views.blueprint)
    handle_errors(app)
    return app
