"""Where spans go: to an OpenTelemetry collector, over HTTP (OTLP)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import TracerProvider

from mana_lab.errors import SettingsError


@contextmanager
def exporting(endpoint: str | None) -> Iterator[TracerProvider | None]:
    """Send spans to a collector for as long as this lasts; the last ones are sent at its end.

    Args:
        endpoint: Its base URL, such as ``http://127.0.0.1:4318``; None sends nothing.

    Raises:
        SettingsError: The packages that do it are missing.
    """
    if endpoint is None:
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider as Provider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT: to send spans, pip install 'mana-lab[tracing]'"
        ) from None
    provider = Provider(resource=Resource.create({"service.name": "mana-lab"}))
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider
    finally:
        provider.shutdown()
