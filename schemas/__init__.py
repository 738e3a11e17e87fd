"""What crosses a border: a movie, a notification, a search, an import, a problem.

Written once, used by the API, the worker, the API's document and the tests. No module here knows a
room, a network or a database. The tables stand beside the schemas in `schemas.tables`, which is
imported by name where there is a database, so that a room without one needs no SQLAlchemy.
"""
