"""The Anthropic Messages API, as its clients see it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from provider_terms_house import Asked, Fail, Result, Say, Turn, Use, pieces

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def read(path: str, query: str, headers: dict[str, str], body: dict[str, Any]) -> Asked:
    return Asked(
        wire="messages",
        path=path,
        query=query,
        headers=headers,
        body=body,
        model=body.get("model", ""),
        system=_text(body.get("system") or []),
        turns=tuple(_turn(message) for message in body.get("messages", [])),
        tools={
            tool["name"]: {
                "description": tool.get("description", ""),
                "schema": tool.get("input_schema", {}),
            }
            for tool in body.get("tools") or []
            if "name" in tool
        },
        stream=bool(body.get("stream")),
    )


def wrong(asked: Asked) -> Fail | None:
    """Return what the API says to a request that it does not take."""
    if not (asked.headers.get("x-api-key") or asked.headers.get("authorization")):
        return Fail(401, "x-api-key header is required")
    if not asked.model or not asked.turns:
        return Fail(400, "model and messages: Field required")
    if "max_tokens" not in asked.body and not asked.path.endswith("/count_tokens"):
        return Fail(400, "max_tokens: Field required")
    for name in asked.tools:
        if not _NAME.fullmatch(name):
            return Fail(400, f"tools.name: {name!r} should match ^[a-zA-Z0-9_-]{{1,128}}$")
    return _unpaired(asked)


def _unpaired(asked: Asked) -> Fail | None:
    for turn, after in zip(asked.turns, (*asked.turns[1:], Turn("user")), strict=True):
        wanted = [use.id for use in turn.uses]
        if len(set(wanted)) < len(wanted):
            return Fail(400, "messages: `tool_use` ids must be unique")
        if missing := sorted(set(map(str, wanted)) - {result.id for result in after.results}):
            return Fail(400, f"messages: tool_use ids without tool_result after: {missing}")
    return None


def count(asked: Asked) -> dict[str, Any]:
    return {"input_tokens": asked.tokens}


def say(asked: Asked, answer: Say) -> dict[str, Any]:
    read_tokens, written = answer.tokens(asked)
    return _message(asked, _blocks(asked, answer), _stop(answer)) | {
        "usage": _usage(answer, read_tokens, written)
    }


def stream(asked: Asked, answer: Say) -> Iterator[str]:
    read_tokens, written = answer.tokens(asked)
    start = _message(asked, [], None) | {"usage": _usage(answer, read_tokens, 1)}
    yield _event("message_start", message=start)
    yield _event("ping")
    for index, block in enumerate(_blocks(asked, answer)):
        yield from _block_events(index, block)
    if answer.cut:
        return
    delta = {"stop_reason": _stop(answer), "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage={"output_tokens": written})
    yield _event("message_stop")


def stream_failing(asked: Asked, answer: Fail) -> Iterator[str]:
    events = list(stream(asked, Say(answer.after or "", cut=True)))
    yield from events
    yield f"event: error\ndata: {json.dumps(error(answer))}\n\n"


def error(answer: Fail) -> dict[str, Any]:
    kind = answer.type or _TYPES.get(answer.status, "api_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": answer.message},
        "request_id": "req_of_the_tests",
    }


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content if block.get("type") == "text")


def _turn(message: dict[str, Any]) -> Turn:
    content = message["content"]
    blocks = [] if isinstance(content, str) else content
    return Turn(
        message["role"],
        _text(content),
        tuple(
            Use(block["name"], block["input"], block["id"])
            for block in blocks
            if block["type"] == "tool_use"
        ),
        tuple(
            Result(
                block["tool_use_id"],
                _text(block.get("content") or []),
                bool(block.get("is_error")),
            )
            for block in blocks
            if block["type"] == "tool_result"
        ),
    )


def _message(asked: Asked, content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    return {
        "id": f"msg_{asked.digest[:20]}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }


def _blocks(asked: Asked, answer: Say) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.thinking:
        blocks.append({"type": "thinking", "thinking": answer.thinking, "signature": "c2lnbmVk"})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    blocks += [
        {"type": "tool_use", "id": use.id, "name": use.name, "input": use.arguments}
        for use in answer.named(asked)
    ]
    return blocks


def _block_events(index: int, block: dict[str, Any]) -> Iterator[str]:
    if block["type"] == "text":
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        empty = {"type": "text", "text": ""}
    elif block["type"] == "thinking":
        deltas = [
            {"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])
        ]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        empty = {"type": "thinking", "thinking": "", "signature": ""}
    else:
        text = Use(block["name"], block["input"]).text
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(text)]
        empty = block | {"input": {}}
    yield _event("content_block_start", index=index, content_block=empty)
    for delta in deltas:
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _stop(answer: Say) -> str:
    return answer.stop or ("tool_use" if answer.uses else "end_turn")


def _usage(answer: Say, read_tokens: int, written: int) -> dict[str, Any]:
    return {
        "input_tokens": max(0, read_tokens - answer.cached_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached_tokens,
        "output_tokens": written,
    }


def _event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"
