"""The tools that the conformance suite calls by name."""

from mcp import MCPError
from mcp.server.subscriptions import PromptsListChanged, ToolsListChanged
from mcp.shared.message import ServerMessageMetadata
from mcp.types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    CreateMessageResult,
    ElicitResult,
    InputRequiredResult,
    Tool,
)
from suite_content import audio, embedded, image, text
from suite_questions import CHOICES, ELICITED, ONE_ROUND, STEPS, ask, sampling, user_details

PLAIN = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [image()],
    "test_audio_content": [audio()],
    "test_embedded_resource": [
        embedded("test://embedded-resource", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        text("Multiple content types test:"),
        image(),
        embedded(
            "test://mixed-content-resource", '{"test":"data","value":123}', "application/json"
        ),
    ],
    "test_x_mcp_header": [text("The header says what the body says.")],
    "json_schema_2020_12_tool": [text("The schema was kept.")],
}
"""Tools that always say the same."""


def result(words, *, is_error=False):
    return CallToolResult(content=[text(words)], is_error=is_error)


class SuiteTools:
    """Answers ``tools/call``; what changed in a list is told on *bus*."""

    def __init__(self, bus):
        self._bus = bus
        self._by_name = {
            "test_elicitation": self._elicit,
            "test_error_handling": self._fail,
            "test_input_required_result_capabilities": self._ask_what_is_allowed,
            "test_input_required_result_multi_round": self._ask_twice,
            "test_logging_tool": self._log,
            "test_missing_capability": self._need_sampling,
            "test_sampling": self._sample,
            "test_tool_with_logging": self._log,
            "test_tool_with_progress": self._report_progress,
            "test_trigger_prompt_change": self._change_prompts,
            "test_trigger_tool_change": self._change_tools,
        }

    async def call(self, ctx, params):
        if params.name in PLAIN:
            return CallToolResult(content=PLAIN[params.name])
        if params.name in ONE_ROUND:
            questions, state = ONE_ROUND[params.name]
            return ask(questions, params, state) or result("All is answered; state-ok")
        if params.name in ELICITED:
            return await self._fill_in(ctx, ELICITED[params.name])
        if params.name in self._by_name:
            return await self._by_name[params.name](ctx, params)
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}")

    async def _fail(self, _ctx, _params):
        return result("This tool intentionally returns an error for testing", is_error=True)

    async def _log(self, ctx, _params):
        for words in (
            "Tool execution started",
            "Tool processing data",
            "Tool execution completed",
        ):
            await ctx.session.send_log_message("info", words, related_request_id=ctx.request_id)
        return result("Logged three times.")

    async def _report_progress(self, ctx, _params):
        for done in (0, 50, 100):
            await ctx.session.report_progress(done, 100)
        return result("Done.")

    async def _sample(self, ctx, params):
        question = sampling(params.arguments["prompt"], 100)
        related = ServerMessageMetadata(related_request_id=ctx.request_id)
        answer = await ctx.session.send_request(question, CreateMessageResult, metadata=related)
        return result(f"LLM response: {answer.content.text}")

    async def _elicit(self, ctx, params):
        return await self._fill_in(ctx, user_details(params.arguments["message"]))

    async def _fill_in(self, ctx, question):
        related = ServerMessageMetadata(related_request_id=ctx.request_id)
        answer = await ctx.session.send_request(question, ElicitResult, metadata=related)
        return result(f"Elicitation completed: action={answer.action}, content={answer.content}")

    async def _ask_twice(self, _ctx, params):
        asked = int(params.request_state or 0)
        known = asked and STEPS[asked - 1][0] in (params.input_responses or {})
        done = asked if known else max(asked - 1, 0)
        if done == len(STEPS):
            return result("Both steps are answered.")
        key, question = STEPS[done]
        return InputRequiredResult(input_requests={key: question}, request_state=str(done + 1))

    async def _ask_what_is_allowed(self, ctx, params):
        declared = ctx.session.client_capabilities
        allowed = dict(
            question
            for capability, question in CHOICES.items()
            if getattr(declared, capability) is not None
        )
        return ask(allowed, params) or result("Asked only what may be asked.")

    async def _need_sampling(self, ctx, _params):
        if ctx.session.client_capabilities.sampling is None:
            raise MCPError(
                MISSING_REQUIRED_CLIENT_CAPABILITY,
                "This tool needs a client that samples",
                {"requiredCapabilities": {"sampling": {}}},
            )
        return result("The client samples.")

    async def _change_tools(self, _ctx, _params):
        await self._bus.publish(ToolsListChanged())
        return result("The list of tools is said to have changed.")

    async def _change_prompts(self, _ctx, _params):
        await self._bus.publish(PromptsListChanged())
        return result("The list of prompts is said to have changed.")


_ONE_TEXT = {"type": "object", "properties": {}, "additionalProperties": False}


def _schema(**properties):
    return _ONE_TEXT | {"properties": properties, "required": sorted(properties)}


_SCHEMAS = {
    "test_elicitation": _schema(message={"type": "string"}),
    "test_sampling": _schema(prompt={"type": "string"}),
    "test_x_mcp_header": {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    },
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {
            "properties": {"contactMethod": {"const": "phone"}},
            "required": ["contactMethod"],
        },
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
}


def described(tools):
    """Return the list of all tools, sorted by name."""
    names = sorted([*PLAIN, *ONE_ROUND, *ELICITED, *tools._by_name])
    return [
        Tool(name=name, description=f"For the scenario {name}.", input_schema=schema)
        for name in names
        for schema in [_SCHEMAS.get(name, _schema())]
    ]
