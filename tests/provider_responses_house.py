"""The OpenAI Responses API, as its clients see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from provider_chat_house import CREATED, error
from provider_terms_house import Asked, Fail, Result, Say, Turn, Use, pieces

__all__ = ["error", "read", "say", "stream", "stream_failing", "wrong"]


def read(path: str, query: str, headers: dict[str, str], body: dict[str, Any]) -> Asked:
    given = body.get("input") or []
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    told = [item for item in items if item.get("role") in ("system", "developer")]
    texts = [body.get("instructions") or "", *(_text(item["content"]) for item in told)]
    return Asked(
        wire="responses",
        path=path,
        query=query,
        headers=headers,
        body=body,
        model=body.get("model", ""),
        system="\n".join(text for text in texts if text),
        turns=tuple(turn for item in items if item not in told and (turn := _turn(item))),
        tools={
            tool["name"]: {
                "description": tool.get("description", ""),
                "schema": tool.get("parameters", {}),
            }
            for tool in body.get("tools") or []
            if tool["type"] == "function"
        },
        stream=bool(body.get("stream")),
    )


def wrong(asked: Asked) -> Fail | None:
    """Return what the API says to a request that it does not take."""
    if not asked.headers.get("authorization", "").startswith("Bearer "):
        return Fail(401, "You didn't provide an API key.")
    if not asked.model or not asked.turns:
        return Fail(400, "Missing required parameter: model and input.")
    wanted = {use.id for use in asked.uses}
    if unpaired := sorted(map(str, wanted ^ {result.id for result in asked.results})):
        return Fail(400, f"No tool output found for function calls: {unpaired}")
    return None


def say(asked: Asked, answer: Say) -> dict[str, Any]:
    return _response(asked, answer, _items(asked, answer), "completed")


def stream(asked: Asked, answer: Say) -> Iterator[str]:
    numbers = count()

    def event(kind: str, **fields: Any) -> str:
        data = {"type": kind, "sequence_number": next(numbers), **fields}
        return f"event: {kind}\ndata: {json.dumps(data)}\n\n"

    begun = _response(asked, answer, [], "in_progress") | {"usage": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    items = _items(asked, answer)
    for place, item in enumerate(items):
        where = {"output_index": place, "item_id": item["id"]}
        empty = {"content": []} if item["type"] == "message" else {"arguments": ""}
        yield event(
            "response.output_item.added",
            output_index=place,
            item=item | empty | {"status": "in_progress"},
        )
        if item["type"] == "message":
            [part] = item["content"]
            here = {**where, "content_index": 0}
            yield event("response.content_part.added", **here, part=part | {"text": ""})
            for piece in pieces(part["text"]):
                yield event("response.output_text.delta", **here, delta=piece, logprobs=[])
            yield event("response.output_text.done", **here, text=part["text"], logprobs=[])
            yield event("response.content_part.done", **here, part=part)
        else:
            for piece in pieces(item["arguments"]):
                yield event("response.function_call_arguments.delta", **where, delta=piece)
            yield event(
                "response.function_call_arguments.done",
                **where,
                name=item["name"],
                arguments=item["arguments"],
            )
        yield event("response.output_item.done", output_index=place, item=item)
    if not answer.cut:
        yield event("response.completed", response=_response(asked, answer, items, "completed"))


def stream_failing(asked: Asked, answer: Fail) -> Iterator[str]:
    events = list(stream(asked, Say(answer.after or "", cut=True)))
    yield from events
    told = {"code": error(answer)["error"]["code"], "message": answer.message, "param": None}
    data = {"type": "error", "sequence_number": len(events), **told}
    yield f"event: error\ndata: {json.dumps(data)}\n\n"


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def _turn(item: dict[str, Any]) -> Turn | None:
    kind = item.get("type", "message")
    if kind == "message":
        return Turn(item["role"], _text(item["content"]))
    if kind == "function_call":
        return Turn("assistant", uses=(Use(item["name"], item["arguments"], item["call_id"]),))
    if kind == "function_call_output":
        return Turn("user", results=(Result(item["call_id"], _text(item["output"])),))
    return None


def _items(asked: Asked, answer: Say) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if answer.text:
        items.append(
            {
                "type": "message",
                "id": f"msg_{asked.digest[:20]}",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": answer.text, "annotations": []}],
            }
        )
    items += [
        {
            "type": "function_call",
            "id": f"fc_{use.id}",
            "call_id": use.id,
            "name": use.name,
            "arguments": use.text,
            "status": "completed",
        }
        for use in answer.named(asked)
    ]
    return items


def _response(
    asked: Asked, answer: Say, items: list[dict[str, Any]], status: str
) -> dict[str, Any]:
    read_tokens, written = answer.tokens(asked)
    return {
        "id": f"resp_{asked.digest[:20]}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "model": asked.model,
        "output": items,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": None,
        "top_p": None,
        "usage": {
            "input_tokens": read_tokens,
            "input_tokens_details": {"cached_tokens": answer.cached_tokens},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read_tokens + written,
        },
    }
