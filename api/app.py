"""Puts the application together. Making one opens nothing and reads no environment."""

from flask import Flask

from api import docs, health, imports, movies, notifications, uploads
from api.audience import guard_imports
from api.caching import keep_nothing_else
from api.compression import compress
from api.cors import open_for_reading
from api.document import CONFIG, Api
from api.kept import KeptAnswers
from api.limiting.limited import limit_requests, stand_before
from api.observe import observe_requests
from api.pages import static, views
from api.problems import handle_errors
from api.protection import Protected
from api.services import Services
from api.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Makes the application, for gunicorn and for tests."""
    app = Flask("api", static_folder=None)
    app.config.from_mapping(CONFIG)
    app.url_map.merge_slashes = False  # '//movies' is 404 rather than a page that redirects
    observe_requests(app)
    limit_requests(app)
    guard_imports(app)
    for finish in (compress, keep_nothing_else, open_for_reading):
        app.after_request(finish)
    api = Api(app)
    for room in (movies, uploads, imports, notifications, health):
        api.register_blueprint(room.blueprint)
    for room in (docs, views):
        app.register_blueprint(room.blueprint)
    handle_errors(app)
    made = Services.install(app, settings, document=api.render(), pages=static.mark_of_pages())
    kept = KeptAnswers(app.wsgi_app, made.database, made.release)
    limited = stand_before(kept, app.wsgi_app, settings.rate_limit)
    app.wsgi_app = Protected(limited)  # type: ignore[method-assign]  # as Flask's documentation has it
    return app
