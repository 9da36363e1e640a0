"""An MCP server of 2025-11-25 on standard streams, without the SDK, so that it can misbehave.

Its first argument says how; the others are texts that it gives back.
"""

import json
import os
import sys
import time

HOW, *TEXTS = sys.argv[1:]
NOTES = []
MANY = 3_000_000


def schema(**fields):
    return {"type": "object", "properties": fields, "required": sorted(fields)}


TOOLS = [
    {"name": "notes_add", "inputSchema": schema(text={"type": "string"})},
    {"name": "notes_list", "inputSchema": schema()},
    {"name": "notes_delete", "inputSchema": schema()},
    {"name": "ask", "inputSchema": schema(), "annotations": {"readOnlyHint": True}},
]


def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request, **result):
    say({"id": request["id"], "result": result})


def text(said):
    return {"content": [{"type": "text", "text": said}]}


def call(request):
    name = request["params"]["name"]
    given = request["params"].get("arguments", {})
    if name == "notes_add":
        NOTES.append(given.get("text"))
        answer(request, **text(json.dumps({"id": f"note-{len(NOTES)}"})))
    elif name == "notes_list":
        answer(request, **text(json.dumps({"notes": NOTES})))
    elif name == "ask":
        misbehave(request)
    else:
        say({"id": request["id"], "error": {"code": -32602, "message": f"Unknown tool: {name}"}})


def misbehave(request):
    if HOW == "dies":
        sys.stderr.write("\x1b[31mout of \u2028paper\x00\x1b[0m\n")
        sys.stderr.flush()
        os._exit(3)
    if HOW == "hangs":
        time.sleep(3_600)
    if HOW == "long":
        answer(request, **text("x" * MANY))
    elif HOW == "broken":
        sys.stdout.write('{"jsonrpc": "2.0", "id": 1, "result": \n')
        sys.stdout.flush()
    elif HOW == "wrong":
        answer(request, content="no list")
    elif HOW == "deep":
        sys.stdout.write('{"jsonrpc": "2.0", "id": 1, "result": ' + "[" * 9_999 + "\n")
        sys.stdout.flush()
    else:
        seen = {"texts": TEXTS, "pid": os.getpid(), "env": dict(os.environ)}
        answer(request, **text(json.dumps(seen)))


def serve():
    for line in sys.stdin:
        request = json.loads(line)
        method = request.get("method")
        if method == "initialize":
            answer(
                request,
                protocolVersion="2025-11-25",
                capabilities={"tools": {}},
                serverInfo={"name": "a/notebook", "version": "7"},
            )
        elif method == "tools/list":
            answer(request, tools=TOOLS)
        elif method == "tools/call":
            call(request)
        elif "id" in request:
            say({"id": request["id"], "error": {"code": -32601, "message": "Method not found"}})


if HOW == "talks":
    sys.stdout.write("notebook server listening\n")
if HOW == "mute":
    sys.stdout.write("ready, waiting for clients\n")
    sys.stdout.flush()
    time.sleep(3_600)
if HOW == "fails":
    sys.exit("no configuration found")
for number in range(100_000 if HOW == "shouts" else 0):
    sys.stderr.write(f"warning number {number}\n")
serve()
if HOW == "stays":
    time.sleep(3_600)
