"""FastMCP with its own check of tokens; runs where that is installed."""

import asyncio
import json
import socket
import sys

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier


async def main(public_key, issuer, audience):
    auth = JWTVerifier(public_key=public_key, issuer=issuer, audience=audience, algorithm="EdDSA")
    server = FastMCP("fastmcp", auth=auth)

    @server.tool(name="test.echo")
    async def echo(text: str) -> dict[str, str]:
        """Say it again."""
        return {"text": text}

    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    app = server.http_app(json_response=True)
    serving = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    print(json.dumps({"port": sock.getsockname()[1]}), flush=True)
    await serving.serve([sock])


asyncio.run(main(*sys.argv[1:]))
