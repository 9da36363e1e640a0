"""The provider of the tests, asked by the providers' own libraries."""

import anthropic
import httpx2
import openai
import pytest
from provider_house import Fail, Raw, Result, Say, Use, in_order, provider

QUESTION = [{"role": "user", "content": "Write down: milk."}]
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
CLAUDE_TOOL = {"name": "todo_create", "description": "Add a task.", "input_schema": SCHEMA}
CHAT_TOOL = {
    "type": "function",
    "function": {"name": "todo_create", "description": "Add a task.", "parameters": SCHEMA},
}
FLAT_TOOL = {"type": "function", **CHAT_TOOL["function"]}
WANTS = Say("I write it down.", (Use("todo_create", {"title": "Milk, “fresh”"}), Use("todo_list")))


def claude(house, **options):
    return anthropic.AsyncAnthropic(base_url=house.url, api_key="any", max_retries=0, **options)


def gpt(house, **options):
    return openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key="any", max_retries=0, **options)


async def ask_claude(client, stream, **more):
    given = {"model": "claude-x", "max_tokens": 100, "messages": QUESTION, **more}
    if not stream:
        return await client.messages.create(**given)
    async with client.messages.stream(**given) as events:
        return await events.get_final_message()


async def ask_chat(client, stream, **more):
    given = {"model": "gpt-x", "messages": QUESTION, **more}
    if not stream:
        return await client.chat.completions.create(**given)
    async with client.chat.completions.stream(
        **given, stream_options={"include_usage": True}
    ) as events:
        return await events.get_final_completion()


async def ask_responses(client, stream, **more):
    given = {"model": "gpt-x", "input": QUESTION, **more}
    if not stream:
        return await client.responses.create(**given)
    async with client.responses.stream(**given) as events:
        return await events.get_final_response()


@pytest.mark.parametrize("stream", [False, True])
async def test_messages_bring_text_tools_and_usage(stream):
    said = Say(WANTS.text, WANTS.uses, thinking="Milk.", input_tokens=70, cached_tokens=20)
    async with provider(lambda _asked: said) as house, claude(house) as client:
        system = [{"type": "text", "text": "Be Anna.", "cache_control": {"type": "ephemeral"}}]
        message = await ask_claude(client, stream, system=system, tools=[CLAUDE_TOOL])
    thought, text, first, second = message.content
    assert (thought.thinking, text.text) == ("Milk.", WANTS.text)
    assert (first.name, first.input) == ("todo_create", {"title": "Milk, “fresh”"})
    assert (second.name, second.input) == ("todo_list", {})
    assert first.id != second.id
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (50, 20)
    [asked] = house.requests
    assert (asked.wire, asked.system, asked.stream) == ("messages", "Be Anna.", stream)
    assert asked.tools == {"todo_create": {"description": "Add a task.", "schema": SCHEMA}}
    assert asked.turns[0].text == "Write down: milk."


@pytest.mark.parametrize("stream", [False, True])
async def test_chat_completions_bring_text_tools_and_usage(stream):
    async with provider(lambda _asked: WANTS) as house, gpt(house) as client:
        messages = [{"role": "system", "content": "Be Anna."}, *QUESTION]
        answer = await ask_chat(client, stream, messages=messages, tools=[CHAT_TOOL])
    [choice] = answer.choices
    assert choice.message.content == WANTS.text
    assert [
        (call.function.name, call.function.arguments) for call in choice.message.tool_calls
    ] == [
        ("todo_create", '{"title": "Milk, “fresh”"}'),
        ("todo_list", "{}"),
    ]
    assert choice.finish_reason == "tool_calls"
    assert answer.usage.prompt_tokens > 0
    [asked] = house.requests
    assert (asked.wire, asked.system) == ("chat", "Be Anna.")
    assert asked.tools["todo_create"]["schema"] == SCHEMA


@pytest.mark.parametrize("stream", [False, True])
async def test_responses_bring_text_tools_and_usage(stream):
    async with provider(lambda _asked: WANTS) as house, gpt(house) as client:
        answer = await ask_responses(client, stream, instructions="Be Anna.", tools=[FLAT_TOOL])
    message, first, _second = answer.output
    assert message.content[0].text == answer.output_text == WANTS.text
    assert (first.name, first.arguments) == ("todo_create", '{"title": "Milk, “fresh”"}')
    assert answer.usage.output_tokens > 0
    [asked] = house.requests
    assert (asked.wire, asked.system) == ("responses", "Be Anna.")
    assert asked.turns[0].text == "Write down: milk."


async def test_results_of_tools_are_read_from_every_wire():
    async with provider(lambda _asked: WANTS) as house, claude(house) as one, gpt(house) as two:
        use = {"type": "tool_use", "id": "t1", "name": "todo_create", "input": {}}
        block = {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}
        turns = [{"role": "assistant", "content": [use]}, {"role": "user", "content": [block]}]
        await ask_claude(one, stream=False, messages=[*QUESTION, *turns])
        function = {"name": "todo_create", "arguments": "{}"}
        call = {"id": "t1", "type": "function", "function": function}
        turns = [
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "t1", "content": "no"},
        ]
        await ask_chat(two, stream=False, messages=[*QUESTION, *turns])
        items = [
            {"type": "function_call", "call_id": "t1", **function},
            {"type": "function_call_output", "call_id": "t1", "output": "no"},
        ]
        await ask_responses(two, stream=False, input=[*QUESTION, *items])
    assert [asked.results for asked in house.requests] == [
        (Result("t1", "no", is_error=True),),
        (Result("t1", "no"),),
        (Result("t1", "no"),),
    ]


async def test_what_the_apis_refuse_is_refused():
    use = {"type": "tool_use", "id": "t1", "name": "todo_create", "input": {}}
    alone = [*QUESTION, {"role": "assistant", "content": [use]}]
    dotted = [CLAUDE_TOOL | {"name": "todo.create"}]
    async with provider(lambda _asked: WANTS) as house, claude(house) as client:
        with pytest.raises(anthropic.BadRequestError, match="without tool_result"):
            await ask_claude(client, stream=False, messages=alone)
        with pytest.raises(anthropic.BadRequestError, match="should match"):
            await ask_claude(client, stream=False, tools=dotted)
    call = {"id": "t1", "type": "function", "function": {"name": "a", "arguments": "{}"}}
    alone = [*QUESTION, {"role": "assistant", "tool_calls": [call]}]
    async with provider(lambda _asked: WANTS) as house, gpt(house) as client:
        with pytest.raises(openai.BadRequestError, match="do not pair"):
            await ask_chat(client, stream=False, messages=alone)


async def test_errors_are_those_of_the_apis():
    limited = Fail(429, "slow down", retry_after="7")
    refusals = [limited, Fail(529), limited]
    async with provider(in_order(*refusals)) as house, claude(house) as one, gpt(house) as two:
        with pytest.raises(anthropic.RateLimitError, match="rate_limit_error") as told:
            await ask_claude(one, stream=True)
        assert told.value.response.headers["retry-after"] == "7"
        with pytest.raises(anthropic.APIStatusError, match="overloaded_error") as told:
            await ask_claude(one, stream=False)
        assert told.value.status_code == 529
        with pytest.raises(openai.RateLimitError) as told:
            await ask_chat(two, stream=True)
        assert told.value.response.headers["retry-after"] == "7"


async def test_a_stream_can_break_off_or_fail_in_the_middle():
    answers = [Fail(529, "too much", after="I begin"), Say("I begin", cut=True)]
    async with provider(in_order(*answers)) as house, claude(house) as client:
        with pytest.raises(anthropic.APIStatusError, match="too much"):
            await ask_claude(client, stream=True)
        with pytest.raises(httpx2.RemoteProtocolError):
            await ask_claude(client, stream=True)
    async with provider(in_order(answers[0], answers[0])) as house, gpt(house) as client:
        with pytest.raises(openai.APIError, match="too much"):
            await ask_chat(client, stream=True)
        given = {"model": "gpt-x", "input": QUESTION, "stream": True}
        events = [event async for event in await client.responses.create(**given)]
        assert (events[-1].type, events[-1].message) == ("error", "too much")


async def test_tokens_are_counted_and_strange_paths_are_told_of():
    async with provider(lambda _asked: WANTS) as house, claude(house) as client:
        counted = await client.messages.count_tokens(model="claude-x", messages=QUESTION)
        assert counted.input_tokens > 0
        question = {"model": "claude-x", "max_tokens": 9, "messages": QUESTION}
        answer = await client.post("/v1/messages?beta=true", body=question, cast_to=object)
        assert answer["content"][0]["text"] == WANTS.text
        with pytest.raises(anthropic.NotFoundError):
            await client.models.list()
    assert len(house.counts) == 1
    assert house.requests[0].query == "beta=true"
    assert house.others == [("GET", "/v1/models")]


async def test_anything_can_be_sent():
    page = Raw(b"<html>", 502, "text/html")
    async with provider(in_order(page)) as house, gpt(house) as client:
        with pytest.raises(openai.InternalServerError):
            await ask_chat(client, stream=False)


async def test_the_same_request_gets_the_same_answer():
    async with provider(lambda _asked: WANTS) as house, claude(house) as client:
        one, same = [await ask_claude(client, stream=False) for _ in range(2)]
        other = await ask_claude(client, stream=False, max_tokens=99)
    assert one.model_dump() == same.model_dump()
    assert one.content[1].id != other.content[1].id
