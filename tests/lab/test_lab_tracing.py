"""One trace from the client of a call to the service that stores what it writes."""

import pytest
from collector_house import collector
from lab_house import GATEWAY, gateway_http
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mana_lab import Lab
from mana_lab.errors import SettingsError
from mana_lab.settings import Settings
from mana_lab.web.exporting import exporting

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SECRET = "canary-5c1d"


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
async def lab(tmp_path, spans, few):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    async with await Lab.open(tmp_path, catalog=few, tracer_provider=provider) as lab:
        await lab.seed()
        yield lab


def call_todo(**meta):
    return {
        "headers": {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": "todo.create",
        },
        "json": {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": "todo.create",
                "arguments": {"title": SECRET},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                    **meta,
                },
            },
        },
    }


def trace_of(span):
    return format(span.context.trace_id, "032x")


async def test_the_trace_of_a_client_goes_on_through_gateway_and_services(lab, spans):
    token = await lab.token("anna")
    spans.clear()
    async with gateway_http(lab, token) as http:
        said = call_todo(traceparent=f"00-{TRACE}-{PARENT}-01")
        answer = await http.post(GATEWAY, **said)
    assert answer.json()["result"]["isError"] is False
    mine = [
        span
        for span in spans.get_finished_spans()
        if format(span.context.trace_id, "032x") == TRACE
    ]
    [call] = [span for span in mine if span.name == "tools/call todo.create"]
    assert format(call.parent.span_id, "016x") == PARENT
    assert call.attributes["mana.outcome"] == "success"
    stored = [span for span in mine if span.instrumentation_scope.name == "mana-sync"]
    assert stored
    assert {span.parent.span_id for span in stored} == {call.context.span_id}
    written = "".join(span.to_json() for span in spans.get_finished_spans())
    assert SECRET not in written
    assert token not in written


async def test_without_a_collector_nothing_is_sent_and_without_its_packages_it_is_said(monkeypatch):
    assert Settings.from_environment({}).otlp_endpoint is None
    with exporting(None) as provider:
        assert provider is None
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with (
        pytest.raises(SettingsError, match=r"mana-lab\[tracing\]"),
        exporting("http://127.0.0.1:9"),
    ):
        pass


def test_spans_reach_a_collector_before_the_service_is_gone():
    with collector() as (url, got), exporting(f"{url}/") as provider:
        provider.get_tracer("test").start_span("a call").end()
    [(path, body)] = got
    assert path == "/v1/traces"
    assert b"a call" in body
