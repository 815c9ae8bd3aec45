"""Traces: one for each message, from the gateway that heard it to the gateway that delivered the answer.

Spans are made by hand where a message crosses a service, since the framework's own middleware costs more than the
work it measures. Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is recorded, but the ids still travel.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onethread.runtime.settings import Settings

_propagator = TraceContextTextMapPropagator()


class Tracing:
    """The tracer of one service."""

    def __init__(self, service: str, settings: Settings) -> None:
        exported = settings.otlp_endpoint is not None
        sampler = ParentBased(TraceIdRatioBased(settings.trace_ratio)) if exported else ALWAYS_OFF
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), sampler=sampler)
        if exported:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
        self._tracer = self._provider.get_tracer("onethread")

    @contextmanager
    def span(self, name: str, kind: SpanKind = SpanKind.INTERNAL, parent: str | None = None) -> Generator[Span]:
        """A span under `parent` (a W3C traceparent), or under the current one where there is none."""
        with self._tracer.start_as_current_span(name, context=context_of(parent), kind=kind) as span:
            yield span

    def stop(self) -> None:
        self._provider.shutdown()


def context_of(traceparent: str | None) -> Context | None:
    return _propagator.extract({"traceparent": traceparent}) if traceparent else None


def traceparent() -> str | None:
    """The current span as a W3C traceparent."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"
