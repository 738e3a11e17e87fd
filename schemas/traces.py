"""Traces by OpenTelemetry, where its own variables ask for them; else nothing of it is imported.

It is the extra `otel`. All of OpenTelemetry's variables mean what its documentation says: here it
is only decided whether there are traces at all, and which libraries write them.
"""

import dataclasses
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from schemas.settings import Environment, SettingError

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_PROBES: Final = "/health/"
FLASK: Final = "flask"

# What writes spans, by the names that OpenTelemetry gives to its packages.
_INSTRUMENTORS: Final = {
    "botocore": "BotocoreInstrumentor",
    "celery": "CeleryInstrumentor",
    FLASK: "FlaskInstrumentor",
    "psycopg2": "Psycopg2Instrumentor",
}


def traces_wanted(environment: Environment) -> bool:
    """Whether there is a place to send traces to. Raises SettingError for a way of no use to us."""
    off = environment.boolean("OTEL_SDK_DISABLED", default=False)
    exporter = environment.text("OTEL_TRACES_EXPORTER", "otlp")
    if off or exporter == "none" or not any(map(environment.optional, ENDPOINTS)):
        return False
    for name in _PROTOCOLS:
        if environment.text(name, _PROTOCOL) != _PROTOCOL:
            raise SettingError(f"{name} must be {_PROTOCOL}: the extra otel has no other.")
    return True


@dataclasses.dataclass(frozen=True)
class Traces:
    """What writes the traces of a room, imported and not yet begun.

    `add_span` is for log lines: see `schemas.logs.configure_logs`.
    """

    room: str
    provider: Callable[[str], Any]
    add_span: Callable[[Any, str, dict[str, Any]], dict[str, Any]]
    instrumentors: Mapping[str, Any]

    @classmethod
    def load(cls, environment: Environment, room: str, libraries: Iterable[str]) -> "Traces | None":
        """Imports what traces some libraries; None where no traces are wanted. Starts nothing.

        Raises SettingError where they are wanted and the extra is missing.
        """
        if not traces_wanted(environment):
            return None
        try:
            from schemas.otlp import add_span, make_provider  # noqa: PLC0415  only where wanted

            found = {library: _instrumentor(library) for library in libraries}
        except ModuleNotFoundError as error:
            raise SettingError(
                f"{' or '.join(ENDPOINTS)} is set, and {error.name} is not installed: "
                "install the extra otel, or unset it."
            ) from error
        return cls(room, make_provider, add_span, found)

    def start(self) -> Any:
        """Begins to trace in this process, which is not to fork from now on.

        Returns OpenTelemetry's provider, whose `shutdown` sends what is still to be sent. The room
        is the service's name unless OTEL_SERVICE_NAME is set.
        """
        provider = self.provider(self.room)
        for library, instrumentor in self.instrumentors.items():
            if library != FLASK:
                instrumentor.instrument()
        return provider

    def follow(self, app: Any) -> None:
        """Traces a Flask application that exists already."""
        self.instrumentors[FLASK].instrument_app(app, excluded_urls=_PROBES)


def _instrumentor(library: str) -> Any:
    module = importlib.import_module(f"opentelemetry.instrumentation.{library}")
    return getattr(module, _INSTRUMENTORS[library])()
