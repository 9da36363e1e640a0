"""The OpenAI-compatible chat completions API, as its clients see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from provider_terms_house import Asked, Fail, Result, Say, Turn, Use, pieces

CREATED = 1_767_571_200
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found",
    429: "rate_limit_exceeded",
}


def read(path: str, query: str, headers: dict[str, str], body: dict[str, Any]) -> Asked:
    messages = body.get("messages", [])
    functions = [tool["function"] for tool in body.get("tools") or [] if "function" in tool]
    return Asked(
        wire="chat",
        path=path,
        query=query,
        headers=headers,
        body=body,
        model=body.get("model", ""),
        system="\n".join(
            _text(message["content"])
            for message in messages
            if message["role"] in ("system", "developer")
        ),
        turns=tuple(
            _turn(message) for message in messages if message["role"] not in ("system", "developer")
        ),
        tools={
            function["name"]: {
                "description": function.get("description", ""),
                "schema": function.get("parameters", {}),
            }
            for function in functions
        },
        stream=bool(body.get("stream")),
    )


def wrong(asked: Asked) -> Fail | None:
    """Return what the API says to a request that it does not take."""
    if not asked.headers.get("authorization", "").startswith("Bearer "):
        return Fail(401, "You didn't provide an API key.")
    if not asked.model or not asked.body.get("messages"):
        return Fail(400, "Missing required parameter: model and messages.")
    wanted = {use.id for use in asked.uses}
    answered = {result.id for result in asked.results}
    if unpaired := sorted(map(str, wanted ^ answered)):
        return Fail(400, f"Tool calls and tool messages do not pair: {unpaired}")
    return None


def say(asked: Asked, answer: Say) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.uses:
        message["tool_calls"] = [_call(use) for use in answer.named(asked)]
    choice = {"index": 0, "message": message, "finish_reason": _stop(answer), "logprobs": None}
    return _frame(asked, "chat.completion", [choice]) | {"usage": _usage(asked, answer)}


def stream(asked: Asked, answer: Say) -> Iterator[str]:
    yield _chunk(asked, {"role": "assistant", "content": ""})
    for piece in pieces(answer.text):
        yield _chunk(asked, {"content": piece})
    for index, use in enumerate(answer.named(asked)):
        head = {"name": use.name, "arguments": ""}
        started = {"index": index, "id": use.id, "type": "function", "function": head}
        yield _chunk(asked, {"tool_calls": [started]})
        for piece in pieces(use.text):
            yield _chunk(
                asked, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            )
    if answer.cut:
        return
    yield _chunk(asked, {}, _stop(answer))
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        last = _frame(asked, "chat.completion.chunk", []) | {"usage": _usage(asked, answer)}
        yield f"data: {json.dumps(last)}\n\n"
    yield "data: [DONE]\n\n"


def stream_failing(asked: Asked, answer: Fail) -> Iterator[str]:
    events = list(stream(asked, Say(answer.after or "", cut=True)))
    yield from events
    yield f"data: {json.dumps(error(answer))}\n\n"


def error(answer: Fail) -> dict[str, Any]:
    kind = answer.type or _TYPES.get(answer.status, "server_error")
    return {"error": {"message": answer.message, "type": kind, "param": None, "code": kind}}


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.get("text", "") for part in content)


def _turn(message: dict[str, Any]) -> Turn:
    text = _text(message.get("content"))
    if message["role"] == "tool":
        return Turn("user", results=(Result(message["tool_call_id"], text),))
    uses = tuple(
        Use(call["function"]["name"], call["function"]["arguments"], call["id"])
        for call in message.get("tool_calls") or []
    )
    return Turn(message["role"], text, uses)


def _call(use: Use) -> dict[str, Any]:
    return {
        "id": use.id,
        "type": "function",
        "function": {"name": use.name, "arguments": use.text},
    }


def _chunk(asked: Asked, delta: dict[str, Any], stop: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": stop, "logprobs": None}
    return f"data: {json.dumps(_frame(asked, 'chat.completion.chunk', [choice]))}\n\n"


def _frame(asked: Asked, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{asked.digest[:20]}",
        "object": kind,
        "created": CREATED,
        "model": asked.model,
        "choices": choices,
    }


def _stop(answer: Say) -> str:
    return answer.stop or ("tool_calls" if answer.uses else "stop")


def _usage(asked: Asked, answer: Say) -> dict[str, Any]:
    read_tokens, written = answer.tokens(asked)
    return {
        "prompt_tokens": read_tokens,
        "completion_tokens": written,
        "total_tokens": read_tokens + written,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
    }
