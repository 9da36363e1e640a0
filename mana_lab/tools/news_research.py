"""News research: topics that are followed, and items on them (sync ``news``).

Nothing is fetched from the network: items are those that somebody saved.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import Field

from mana_lab.clock import iso_millis
from mana_lab.registry import (
    Done,
    Integer,
    PageInput,
    PageOutput,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    Uuid,
    tool,
)
from mana_lab.tools.usual import delete_tool, get_tool

ITEMS = Table(
    "news", "newsArticles", encrypted=("title", "excerpt", "content", "htmlContent", "author")
)
PREFERENCES = Table(
    "news",
    "newsPreferences",
    encrypted=(
        "selectedTopics",
        "blockedSources",
        "topicWeights",
        "sourceWeights",
        "customFeeds",
    ),
)


class NewsItem(ToolOutput):
    """A news item as the app keeps it, in plaintext."""

    id: str
    url: str
    title: str
    excerpt: str | None
    author: str | None
    topic: str | None
    is_read: bool
    is_archived: bool
    created_at: str
    updated_at: str


class OneNewsItem(ToolOutput):
    """One news item."""

    item: NewsItem


class Topics(ToolOutput):
    """The topics that are followed, in the order in which they were taken up."""

    topics: list[str]


class Digest(PageOutput):
    """A page of news items, and the topics that are followed."""

    topics: list[str]
    items: list[NewsItem]


class TopicChoice(ToolInput):
    """Which topic to follow, or to follow no longer."""

    topic: str = Field(
        min_length=1, max_length=120, description="The topic", examples=["language change"]
    )
    follow: bool = Field(True, description="false ends following it")


class NewNewsItem(ToolInput):
    """Which item to keep."""

    url: str = Field(
        pattern=r"^https?://[^\s]+$",
        max_length=2000,
        description="Address of the item",
        examples=["https://example.org/news/dialects"],
    )
    title: str = Field(
        min_length=1, max_length=500, description="Its headline", examples=["Dialects on the rise"]
    )
    excerpt: str | None = Field(None, max_length=5000, description="What it says; null for none")
    author: str | None = Field(None, max_length=300, description="Who wrote it; null if unknown")
    topic: str | None = Field(
        None, max_length=120, description="The topic it belongs to; null for none"
    )


class DigestWish(PageInput):
    """What to look through."""

    days: Integer = Field(7, ge=1, le=90, description="How many days back")
    topic: str = Field("", max_length=120, description="Only this topic; empty for all items")


class ItemReading(ToolInput):
    """Which item was read, or is to be read again."""

    id: Uuid = Field(description="The item's id, from newsResearch.digest")
    is_read: bool = Field(True, description="false marks it as unread")


class ItemArchiving(ToolInput):
    """Which item to put aside or bring back."""

    id: Uuid = Field(description="The item's id, from newsResearch.digest")
    archived: bool = Field(True, description="false brings an archived item back")


@tool("newsResearch.follow", policy_hint="write", idempotent=True, tables=(PREFERENCES,))
async def follow(given: TopicChoice, ctx: ToolContext) -> Topics:
    """Follow a topic of the news, or end following it; returns all topics that are followed.

    It changes what newsResearch.digest is about and fetches nothing. To keep one item use
    newsResearch.save.

    Example: {"topic": "language change"}
    """
    records = ctx.records(PREFERENCES)
    row = await _preferences(ctx)
    topics = _topics(row)
    others = [topic for topic in topics if topic.casefold() != given.topic.casefold()]
    if not given.follow:
        topics = others
    elif len(others) == len(topics):
        topics = [*topics, given.topic]
    if row is None:
        await records.create({"selectedTopics": topics})
    else:
        await records.update(row["id"], {"selectedTopics": topics})
    return Topics(topics=topics)


@tool("newsResearch.digest", policy_hint="read", tables=(ITEMS, PREFERENCES))
async def digest(given: DigestWish, ctx: ToolContext) -> Digest:
    """Look through the news items of the last days, the latest first, and the topics followed.

    Only items that were saved are there; nothing is fetched. Articles to read later are listed by
    articles.list.

    Example: {"days": 7, "topic": "language change"}
    """
    since = iso_millis(ctx.now() - timedelta(days=given.days))

    def wanted(row: dict[str, Any]) -> bool:
        same = str(row.get("topic") or "").casefold() == given.topic.casefold()
        return (
            not row.get("isArchived")
            and str(row.get("createdAt")) >= since
            and (same or not given.topic)
        )

    page = await ctx.records(ITEMS).page(limit=given.limit, cursor=given.cursor, where=wanted)
    return Digest(
        topics=_topics(await _preferences(ctx)),
        items=[NewsItem.of(row) for row in page.rows],
        next_cursor=page.next_cursor,
    )


@tool("newsResearch.save", policy_hint="write", tables=(ITEMS,))
async def save(given: NewNewsItem, ctx: ToolContext) -> OneNewsItem:
    """Keep a news item on a topic: its address, its headline and what it says.

    Nothing is fetched from the address. For a longer text to read later use articles.save.
    Returns the item with its id.

    Example: {"url": "https://example.org/news/1", "title": "Dialects on the rise"}
    """
    fields = given.model_dump(by_alias=True) | {"isRead": False, "isArchived": False}
    return OneNewsItem(item=NewsItem.of(await ctx.records(ITEMS).create(fields)))


@tool("newsResearch.markRead", policy_hint="write", idempotent=True, tables=(ITEMS,))
async def mark_read(given: ItemReading, ctx: ToolContext) -> Done:
    """Mark a news item as read, or as unread again.

    To put it out of the digest use newsResearch.archive.

    Example: {"id": "<id from newsResearch.digest>"}
    """
    await ctx.records(ITEMS).update(given.id, {"isRead": given.is_read})
    return Done()


@tool("newsResearch.archive", policy_hint="write", idempotent=True, tables=(ITEMS,))
async def archive(given: ItemArchiving, ctx: ToolContext) -> Done:
    """Put a news item out of the digest, or bring it back; nothing is lost.

    To end following a topic use newsResearch.follow with "follow": false.

    Example: {"id": "<id from newsResearch.digest>"}
    """
    await ctx.records(ITEMS).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool(
    "newsResearch.get", ITEMS, OneNewsItem, noun="news item", found_by="newsResearch.digest"
)
delete = delete_tool("newsResearch.delete", ITEMS, noun="news item", instead="newsResearch.archive")

TOOLS = (follow, digest, save, get, mark_read, archive, delete)


async def _preferences(ctx: ToolContext) -> dict[str, Any] | None:
    found = await ctx.records(PREFERENCES).list(limit=1)
    return found[0] if found else None


def _topics(preferences: dict[str, Any] | None) -> list[str]:
    chosen = (preferences or {}).get("selectedTopics")
    return [topic for topic in chosen or [] if isinstance(topic, str)]
