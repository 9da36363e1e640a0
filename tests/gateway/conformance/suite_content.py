"""Prompts, resources and media that the conformance suite asks for by name."""

import base64
import re
import struct
import zlib

from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    AudioContent,
    BlobResourceContents,
    EmbeddedResource,
    GetPromptResult,
    ImageContent,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)

TEMPLATE = re.compile(r"test://template/([^/]+)/data")


def _chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def _png():
    """Return one red pixel."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\x00\xff\x00\x00")
    parts = [_chunk(b"IHDR", header), _chunk(b"IDAT", pixel), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _wav():
    """Return a hundredth of a second of silence."""
    silence = b"\x80" * 80
    form = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(silence)) + silence
    return b"RIFF" + struct.pack("<I", len(body)) + body


PNG = base64.b64encode(_png()).decode()
WAV = base64.b64encode(_wav()).decode()


def text(words):
    return TextContent(type="text", text=words)


def image():
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def audio():
    return AudioContent(type="audio", data=WAV, mime_type="audio/wav")


def embedded(uri, words, mime_type="text/plain"):
    found = TextResourceContents(uri=uri, mime_type=mime_type, text=words)
    return EmbeddedResource(type="resource", resource=found)


RESOURCES = [
    Resource(uri="test://static-text", name="static-text", mime_type="text/plain"),
    Resource(uri="test://static-binary", name="static-binary", mime_type="image/png"),
    Resource(uri="test://watched-resource", name="watched-resource", mime_type="text/plain"),
]
TEMPLATES = [
    ResourceTemplate(
        uri_template="test://template/{id}/data", name="template", mime_type="application/json"
    )
]


def read(uri):
    """Return what stands at *uri*, as the scenarios want it."""
    templated = TEMPLATE.fullmatch(uri)
    if uri == "test://static-binary":
        found = BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)
    elif uri == "test://static-text":
        words = "This is the content of the static text resource."
        found = TextResourceContents(uri=uri, mime_type="text/plain", text=words)
    elif uri == "test://watched-resource":
        found = TextResourceContents(uri=uri, mime_type="text/plain", text="Watched.")
    elif templated is not None:
        words = (
            f'{{"id":"{templated[1]}","templateTest":true,"data":"Data for ID: {templated[1]}"}}'
        )
        found = TextResourceContents(uri=uri, mime_type="application/json", text=words)
    else:
        raise MCPError(INVALID_PARAMS, "Resource not found", {"uri": uri})
    return ReadResourceResult(contents=[found], ttl_ms=0, cache_scope="private")


def _prompt(name, description, *arguments):
    wanted = [PromptArgument(name=each, description=each, required=True) for each in arguments]
    return Prompt(name=name, description=description, arguments=wanted)


PROMPTS = [
    _prompt("test_input_required_result_prompt", "Asks for its context first."),
    _prompt("test_prompt_with_arguments", "Says its arguments.", "arg1", "arg2"),
    _prompt("test_prompt_with_embedded_resource", "Embeds a resource.", "resourceUri"),
    _prompt("test_prompt_with_image", "Shows an image."),
    _prompt("test_simple_prompt", "Says one sentence."),
]


def prompt(name, given):
    """Return the messages of a prompt that asks nothing back."""
    if name == "test_simple_prompt":
        said = [text("This is a simple prompt for testing.")]
    elif name == "test_prompt_with_arguments":
        words = f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"
        said = [text(words)]
    elif name == "test_prompt_with_embedded_resource":
        resource = embedded(given["resourceUri"], "Embedded resource content for testing.")
        said = [resource, text("Please process the embedded resource above.")]
    elif name == "test_prompt_with_image":
        said = [image(), text("Please analyze the image above.")]
    else:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name}")
    return GetPromptResult(messages=[PromptMessage(role="user", content=each) for each in said])
