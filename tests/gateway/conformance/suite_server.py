"""An MCP server with everything that the official conformance suite asks for."""

from mcp.server import CacheHint, Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.types import (
    CompleteResult,
    Completion,
    EmptyResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
)
from suite_content import PROMPTS, RESOURCES, TEMPLATES, prompt, read
from suite_questions import CONTEXT, ask
from suite_tools import SuiteTools, described

from mana_lab.gateway.auth import principal_of

_LISTS = (
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "server/discover",
)


async def get_prompt(_ctx, params):
    if params.name != "test_input_required_result_prompt":
        return prompt(params.name, params.arguments or {})
    return ask(CONTEXT, params) or prompt("test_simple_prompt", {})


async def read_resource(_ctx, params):
    return read(params.uri)


async def complete(_ctx, params):
    known = ("paris", "park", "party")
    found = [each for each in known if each.startswith(params.argument.value)]
    return CompleteResult(completion=Completion(values=found, total=len(found), has_more=False))


async def nothing(_ctx, _params):
    return EmptyResult()


def always(answer):
    async def handler(_ctx, _params):
        return answer

    return handler


def user_of(ctx):
    return principal_of(ctx.request.scope).user_id


def suite_server(wrap=lambda call: call):
    """Return the server.

    Args:
        wrap: Makes another ``on_call_tool`` of the server's own.
    """
    bus = InMemorySubscriptionBus()
    tools = SuiteTools(bus)
    listed = described(tools)
    schemas = {tool.name: tool.input_schema for tool in listed}
    server = Server(
        "conformance",
        version="1",
        cache_hints={name: CacheHint(ttl_ms=0, scope="private") for name in _LISTS},
        get_tool_input_schema=schemas.get,
        on_list_tools=always(ListToolsResult(tools=listed)),
        on_call_tool=wrap(tools.call),
        on_list_resources=always(ListResourcesResult(resources=RESOURCES)),
        on_list_resource_templates=always(
            ListResourceTemplatesResult(resource_templates=TEMPLATES)
        ),
        on_read_resource=read_resource,
        on_subscribe_resource=nothing,
        on_unsubscribe_resource=nothing,
        on_subscriptions_listen=ListenHandler(bus),
        on_list_prompts=always(ListPromptsResult(prompts=PROMPTS)),
        on_get_prompt=get_prompt,
        on_completion=complete,
        on_set_logging_level=nothing,
    )
    security = RequestStateSecurity.ephemeral()
    security.bind_principal = user_of
    server.middleware[:] = [RequestStateBoundary(security, default_audience="conformance")]
    return server
