"""A small module of tools: secrets, whose text is encrypted."""

from pydantic import Field

from mana_lab.registry import (
    ADMITTED,
    Done,
    Registry,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    Uuid,
    tool,
)

SECRETS = Table("diary", "secrets", encrypted=("text",))
OTHERS = Table("diary", "others")


class Secret(ToolOutput):
    id: str
    text: str | None
    place: int
    order: int | None = None
    space_id: str
    created_at: str
    updated_at: str


class Secrets(ToolOutput):
    secrets: list[Secret]


class NewSecret(ToolInput):
    text: str | None = Field(None, description="What nobody may read")
    place: int = Field(0, description="Where it is kept")


class SecretChange(ToolInput):
    id: Uuid = Field(description="Which one")
    text: str = Field(default_factory=str, description="Its new text")
    place: int = Field(default_factory=int, description="Its new place")


class SecretFilter(ToolInput):
    place: int | None = Field(None, description="Only from there")
    containing: str | None = Field(None, description="Only with this in the text")
    limit: int | None = Field(None, description="At most this many")


@tool("secrets.keep", policy_hint="write", tables=(SECRETS,))
async def keep(given: NewSecret, ctx: ToolContext) -> Secret:
    """Keep a secret."""
    fields = given.model_dump(by_alias=True)
    return Secret.of(await ctx.records(SECRETS).create(fields, ordered=True))


@tool("secrets.change", policy_hint="write", tables=(SECRETS,))
async def change(given: SecretChange, ctx: ToolContext) -> Done:
    """Change a secret."""
    changes = given.model_dump(by_alias=True, exclude_unset=True, exclude={"id"})
    await ctx.records(SECRETS).update(given.id, changes)
    return Done()


@tool("secrets.list", policy_hint="read", tables=(SECRETS,))
async def list_secrets(given: SecretFilter, ctx: ToolContext) -> Secrets:
    """List secrets."""
    containing = given.containing
    found = await ctx.records(SECRETS).list(
        where=lambda secret: given.place in {None, secret["place"]},
        matching=None if containing is None else lambda secret: containing in secret["text"],
        limit=given.limit,
    )
    return Secrets(secrets=[Secret.of(secret) for secret in found])


@tool("secrets.get", policy_hint="read", tables=(SECRETS,))
async def get(given: SecretChange, ctx: ToolContext) -> Secret:
    """Get a secret."""
    return Secret.of(await ctx.records(SECRETS).get(given.id))


@tool("secrets.sneak", policy_hint="read", tables=(SECRETS,))
async def sneak(given: NewSecret, ctx: ToolContext) -> Secret:
    """Say that it reads, and write."""
    return Secret.of(await ctx.records(SECRETS).create(given.model_dump()))


@tool("secrets.stray", policy_hint="write", tables=(SECRETS,))
async def stray(given: NewSecret, ctx: ToolContext) -> Secret:
    """Open a table that it does not declare."""
    return Secret.of(await ctx.records(OTHERS).create(given.model_dump()))


REGISTRY = Registry(
    [keep, change, list_secrets, get, sneak, stray], admitted=dict.fromkeys(ADMITTED)
)
