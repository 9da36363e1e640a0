"""Articles: what to read later, and passages of it (sync ``articles``; texts are encrypted)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mana_lab.registry import (
    Done,
    PageInput,
    PageOutput,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    Uuid,
    tool,
)
from mana_lab.tools.usual import changes_of, containing, delete_tool, get_tool

ARTICLES = Table(
    "articles",
    "articles",
    encrypted=("title", "excerpt", "content", "htmlContent", "author", "userNote"),
)
HIGHLIGHTS = Table(
    "articles",
    "articleHighlights",
    encrypted=("text", "note", "contextBefore", "contextAfter"),
)

_URL = r"^https?://[^\s]+$"


class Article(ToolOutput):
    """An article as the app keeps it, in plaintext."""

    id: str
    url: str
    title: str
    author: str | None
    excerpt: str | None
    user_note: str | None
    tags: list[str]
    is_read: bool
    is_archived: bool
    created_at: str
    updated_at: str


class OneArticle(ToolOutput):
    """One article."""

    article: Article


class ArticlePage(PageOutput):
    """A page of articles."""

    articles: list[Article]


class Highlight(ToolOutput):
    """A passage of an article, in plaintext."""

    id: str
    article_id: str
    text: str
    note: str | None
    created_at: str


class OneHighlight(ToolOutput):
    """The passage that was kept."""

    highlight: Highlight


class HighlightPage(PageOutput):
    """A page of passages."""

    highlights: list[Highlight]


class NewArticle(ToolInput):
    """What to read later."""

    url: str = Field(
        pattern=_URL,
        max_length=2000,
        description="Address of the article",
        examples=["https://example.org/how-languages-change"],
    )
    title: str = Field(
        min_length=1, max_length=500, description="Its title", examples=["How languages change"]
    )
    author: str | None = Field(None, max_length=300, description="Who wrote it; null if unknown")
    excerpt: str | None = Field(None, max_length=5000, description="What it says; null for none")
    tags: list[str] = Field([], max_length=20, description="Words to find it by")


class ArticleFilter(PageInput):
    """Which articles to list."""

    query: str = Field(
        "", max_length=500, description="Text in title, author, excerpt or tags; empty for all"
    )
    unread_only: bool = Field(False, description="Only those not read yet")
    include_archived: bool = Field(False, description="Also list archived articles")


class ArticleChange(ToolInput):
    """What to change of an article; what is left out stays as it is."""

    id: Uuid = Field(description="The article's id, from articles.list")
    is_read: bool = Field(default_factory=bool, description="Whether it has been read")
    user_note: str | None = Field(
        default_factory=lambda: None, max_length=10_000, description="New remark; null removes it"
    )
    tags: list[str] = Field(
        default_factory=list, max_length=20, description="New tags, all of them"
    )


class NewHighlight(ToolInput):
    """Which passage to keep."""

    article_id: Uuid = Field(description="The article's id, from articles.list")
    text: str = Field(
        min_length=1,
        max_length=5000,
        description="The passage, word for word",
        examples=["A language is never finished."],
    )
    note: str | None = Field(None, max_length=5000, description="Why it matters; null for none")


class HighlightFilter(PageInput):
    """Which passages to list."""

    article_id: Uuid = Field(
        default_factory=str, description="Only of this article; leave it out for all"
    )


class ArticleArchiving(ToolInput):
    """Which article to put aside or bring back."""

    id: Uuid = Field(description="The article's id, from articles.list")
    archived: bool = Field(True, description="false brings an archived article back")


@tool("articles.save", policy_hint="write", tables=(ARTICLES,))
async def save(given: NewArticle, ctx: ToolContext) -> OneArticle:
    """Keep an article to read later: its address, its title and what it is about.

    Nothing is fetched from the address. For a news item on a topic that is followed use
    newsResearch.save, for a book library.add. Returns the article with its id.

    Example: {"url": "https://example.org/dialects", "title": "Dialects of the coast"}
    """
    fields = given.model_dump(by_alias=True) | {
        "userNote": None,
        "isRead": False,
        "isArchived": False,
    }
    return OneArticle(article=Article.of(await ctx.records(ARTICLES).create(fields)))


@tool("articles.list", policy_hint="read", tables=(ARTICLES,))
async def list_articles(given: ArticleFilter, ctx: ToolContext) -> ArticlePage:
    """List articles that were kept, those saved last first, perhaps only some of them.

    Use it to find something to read, or an article by its title, author or tags. Passages are
    listed by articles.highlights.

    Example: {"unreadOnly": true, "limit": 5}
    """

    def wanted(row: dict[str, Any]) -> bool:
        if row.get("isRead") and given.unread_only:
            return False
        return given.include_archived or not row.get("isArchived")

    page = await ctx.records(ARTICLES).page(
        limit=given.limit,
        cursor=given.cursor,
        where=wanted,
        matching=containing(given.query, "title", "author", "excerpt", "tags"),
    )
    return ArticlePage(
        articles=[Article.of(row) for row in page.rows], next_cursor=page.next_cursor
    )


@tool("articles.update", policy_hint="write", idempotent=True, tables=(ARTICLES,))
async def update(given: ArticleChange, ctx: ToolContext) -> Done:
    """Mark an article as read or unread, or change its remark or tags.

    Only what is named changes. To keep a passage of it use articles.highlight.

    Example: {"id": "<id from articles.list>", "isRead": true}
    """
    await ctx.records(ARTICLES).update(given.id, changes_of(given))
    return Done()


@tool("articles.highlight", policy_hint="write", tables=(ARTICLES, HIGHLIGHTS))
async def highlight(given: NewHighlight, ctx: ToolContext) -> OneHighlight:
    """Keep a passage of an article word for word, perhaps with a remark.

    For a remark on the whole article use articles.update. Returns the passage with its id.

    Example: {"articleId": "<id from articles.list>", "text": "A language is never finished."}
    """
    await ctx.records(ARTICLES).get(given.article_id)
    fields = given.model_dump(by_alias=True)
    return OneHighlight(highlight=Highlight.of(await ctx.records(HIGHLIGHTS).create(fields)))


@tool("articles.highlights", policy_hint="read", tables=(HIGHLIGHTS,))
async def highlights(given: HighlightFilter, ctx: ToolContext) -> HighlightPage:
    """List passages that were kept, the latest first, of one article or of all.

    Use it to gather quotes. It does not list articles; that is articles.list.

    Example: {"limit": 10}
    """
    page = await ctx.records(HIGHLIGHTS).page(
        limit=given.limit,
        cursor=given.cursor,
        where=lambda row: given.article_id in ("", row.get("articleId")),
    )
    return HighlightPage(
        highlights=[Highlight.of(row) for row in page.rows], next_cursor=page.next_cursor
    )


@tool("articles.archive", policy_hint="write", idempotent=True, tables=(ARTICLES,))
async def archive(given: ArticleArchiving, ctx: ToolContext) -> Done:
    """Put an article aside, or bring it back; nothing is lost.

    To note that it was read use articles.update.

    Example: {"id": "<id from articles.list>"}
    """
    await ctx.records(ARTICLES).update(given.id, {"isArchived": given.archived})
    return Done()


get = get_tool("articles.get", ARTICLES, OneArticle, noun="article", found_by="articles.list")
delete = delete_tool("articles.delete", ARTICLES, noun="article", instead="articles.archive")

TOOLS = (save, list_articles, highlight, highlights, get, update, archive, delete)
