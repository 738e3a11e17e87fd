"""The one file that imports OpenTelemetry, which is the extra `otel`: see `schemas/traces.py`."""

from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def make_provider(room: str) -> TracerProvider:
    """Makes this process send its spans to where OpenTelemetry's variables say, a few at a time."""
    named = Resource.create({"service.name": f"movies-r-us-{room}"})
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which Resource puts below what it is given.
    provider = TracerProvider(resource=named.merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def add_span(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Adds to a log line, as structlog has it, the trace and the span that it is written in."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event
