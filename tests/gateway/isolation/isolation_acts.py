"""Acts: what people call, and what has to come of it when it gets in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from isolation_canaries import FoundError
from isolation_house import registry
from isolation_wire import Answer

from mana_lab.gateway import ERROR_META
from mana_lab.gateway.consents import LIFETIME

TOOLS = {spec.name: spec for spec in registry()}
YES = {"confirm": {"action": "accept", "content": {"confirm": True}}}
PAGE = 2


@dataclass
class Record:
    """Something that somebody wrote."""

    id: str
    table: str
    space: str
    title: str
    is_open: bool = True
    is_there: bool = True


@dataclass
class Question:
    """A sealed question that came back instead of an answer."""

    state: str
    user: str
    record: Record
    until: float
    is_used: bool = False


@dataclass(frozen=True)
class Act:
    """What is sent, and the judge of the answer.

    Attributes:
        judge: Raises what it finds, else brings the model up to date and returns how many changes
            the answer means.
        only_era: The only era in which it makes sense.
    """

    params: Mapping[str, Any]
    judge: Callable[[Answer], int]
    method: str = "tools/call"
    meta: Mapping[str, Any] = field(default_factory=dict)
    only_era: str | None = None

    @property
    def writes(self) -> bool:
        spec = TOOLS.get(self.params.get("name", ""))
        return spec is not None and spec.policy_hint != "read"


@dataclass(frozen=True)
class Occasion:
    """When something is done.

    Attributes:
        world: All that happened before.
        way: How the request goes.
        turn: What is chosen, where there is a choice.
        key: The idempotency key.
    """

    world: Any
    way: Any
    turn: int
    key: str | None


def expect(answer: Answer, said: object, wanted: object) -> None:
    if said != wanted:
        raise FoundError(f"got {said!r}, need {wanted!r}: {answer.raw!r}")


def fails(answer: Answer, code: str) -> int:
    """Hold an answer to be the failure of a tool."""
    told = answer.result.get("_meta", {}).get(ERROR_META, {})
    expect(answer, (answer.result.get("isError"), told.get("code")), (True, code))
    return 0


def is_no_call(answer: Answer, code: str) -> int:
    """Hold an answer to be an error of the protocol."""
    error = answer.last.get("error") or {}
    expect(answer, (error.get("code"), (error.get("data") or {}).get("code")), (-32602, code))
    return 0


def worked(answer: Answer) -> dict[str, Any]:
    if answer.result.get("isError") is not False:
        raise FoundError(f"it had to work: {answer.raw!r}")
    return answer.data


def call(judge, name, /, **arguments) -> Act:
    return Act({"name": name, "arguments": arguments}, judge)


def there(at, table: str) -> list[Record]:
    """Return what a table of a space has, oldest first."""
    return [
        each
        for each in at.world.records
        if (each.table, each.space, each.is_there) == (table, at.way.space.id, True)
    ]


def written(at) -> str:
    """Return a text to be written; the same one for a call that is done again."""
    place = (at.way.user, at.way.space.id, at.key)
    if at.key is None or place not in at.world.texts:
        readers = at.way.space.readers(at.world.now)
        text = at.world.canaries.mint(at.way.user, at.way.space.id, readers)
        if at.key is None:
            return text
        at.world.texts[place] = text
    return at.world.texts[place]


def echo(at) -> Act:
    text = written(at)
    person = at.world.mana.day.people[at.way.user]

    def judge(answer):
        said = worked(answer)
        heard = [said[name] for name in ("text", "userId", "email", "spaceId")]
        expect(answer, heard, [text, person.id, person.email, at.way.space.id])
        return 0

    return call(judge, "test.echo", text=text)


def tell(at) -> Act:
    text = at.world.canaries.mint(at.way.user)

    def judge(answer):
        worked(answer)
        steps = [each["params"]["message"] for each in answer.messages if "method" in each]
        expect(answer, steps, [text] * 3)
        return 0

    spoken = call(judge, "test.tell", text=text)
    return Act(spoken.params, judge, meta={"progressToken": f"p{at.turn}"})


def _creating(tool: str, table: str, one: str, *more: str):
    def create(at) -> Act:
        text = written(at)

        def judge(answer):
            if table == "habits" and at.way.space.is_shared:
                return fails(answer, "module-not-admitted")
            made = worked(answer)[one]
            expect(answer, made["title"], text)
            at.world.records.append(Record(made["id"], table, at.way.space.id, text))
            return 1

        return call(judge, tool, title=text, **dict.fromkeys(more, f"{text} in full"))

    return create


def _listing(tool: str, table: str, many: str, *, newest: int = 0, **arguments):
    def listed(at) -> Act:
        def judge(answer):
            if table == "habits" and at.way.space.is_shared:
                return fails(answer, "module-not-admitted")
            wanted = [each.title for each in there(at, table) if each.is_open]
            if newest:
                wanted = wanted[::-1][:newest]
            expect(answer, [each["title"] for each in worked(answer)[many]], wanted)
            return 0

        return call(judge, tool, **arguments)

    return listed


def page(at) -> Act:
    """Ask for a page of notes, perhaps with a cursor that somebody else was given."""
    known = at.world.cursors
    space, cursor = known[at.turn % len(known)] if known and at.turn % 3 else ("", None)

    def judge(answer):
        if cursor is not None and space != at.way.space.id:
            return fails(answer, "invalid-input")
        said = worked(answer)
        titles = [each["title"] for each in said["notes"]]
        whole = [each.title for each in there(at, "notes")][::-1]
        if cursor is None:
            expect(answer, titles, whole[:PAGE])
        elif not set(titles) <= set(whole):
            raise FoundError(f"{titles} are not all of {whole}")
        if said["nextCursor"] is not None:
            at.world.cursors.append((at.way.space.id, said["nextCursor"]))
        return 0

    return call(judge, "notes.list", limit=PAGE, **({"cursor": cursor} if cursor else {}))


def _some(at, table: str) -> Record | None:
    known = [each for each in at.world.records if each.table == table]
    return known[-1 - at.turn % len(known)] if known else None


def _on_one(tool: str, table: str, effect, **more):
    """Make an act on a record of whatever space: what is not here is not found."""

    def act(at) -> Act:
        record = _some(at, table)
        if record is None:
            return echo(at)
        is_here = record.space == at.way.space.id and record.is_there
        arguments = {name: make(at) for name, make in more.items()}

        def judge(answer):
            if not is_here:
                return fails(answer, "not-found")
            return effect(record, answer, arguments)

        return call(judge, tool, id=record.id, **arguments)

    return act


def _read(record, answer, _arguments) -> int:
    expect(answer, worked(answer)["note"]["title"], record.title)
    return 0


def _rename(record, answer, arguments) -> int:
    worked(answer)
    record.title = arguments["title"]
    return 1


def _complete(record, answer, _arguments) -> int:
    worked(answer)
    was_open, record.is_open = record.is_open, False
    return int(was_open)


def _new_title(at) -> str:
    return at.world.canaries.mint(at.way.user, at.way.space.id, at.way.space.readers(at.world.now))


def spaces(at) -> Act:
    def judge(answer):
        said = worked(answer)
        wanted = {space.id for space in at.world.spaces_of(at.way.user)}
        expect(answer, {each["id"] for each in said["spaces"]}, wanted)
        expect(answer, said["activeSpaceId"], at.way.space.id)
        return 0

    return call(judge, "spaces.list")


def tools(_at) -> Act:
    def judge(answer):
        listed = [each["name"] for each in answer.result.get("tools", ())]
        expect(answer, listed, sorted(TOOLS)[: len(listed)])
        expect(answer, len(listed), min(len(TOOLS), 100))
        return 0

    return Act({}, judge, method="tools/list")


def bad(at) -> Act:
    text = at.world.canaries.mint(at.way.user)
    return call(
        lambda answer: fails(answer, "invalid-arguments"), "todo.create", title=text, priority=text
    )


def unknown(at) -> Act:
    name = f"{at.world.canaries.mint(at.way.user)}.create"
    return call(lambda answer: is_no_call(answer, "unknown-tool"), name, title=name)


def ask(at) -> Act:
    """Begin to delete a note: somebody has to agree, where that is allowed at all."""
    notes = there(at, "notes")
    if not notes:
        return ACTS["create note"](at)
    record = notes[-1 - at.turn % len(notes)]

    def judge(answer):
        if not at.way.space.has_leave:
            return fails(answer, "forbidden")
        expect(answer, answer.result.get("resultType"), "input_required")
        until = at.world.now + LIFETIME.total_seconds()
        state = answer.result["requestState"]
        at.world.questions.append(Question(state, at.way.user, record, until))
        return 0

    return Act(call(judge, "notes.delete", id=record.id).params, judge, only_era="modern")


def agree(at) -> Act:
    """Answer a question, whoever was asked it."""
    if not at.world.questions:
        return ask(at)
    own = [each for each in at.world.questions if each.user == at.way.user]
    questions = own if own and at.turn % 2 == 0 else at.world.questions
    question = questions[-1 - at.turn // 2 % len(questions)]
    record = question.record

    def judge(answer):
        if not at.way.space.has_leave:
            return fails(answer, "forbidden")
        is_mine = (question.user, record.space) == (at.way.user, at.way.space.id)
        if not is_mine or question.is_used or at.world.now >= question.until:
            return is_no_call(answer, "invalid-request-state")
        worked(answer)
        question.is_used = True
        was_there, record.is_there = record.is_there, False
        return int(was_there)

    answered = {"requestState": question.state, "inputResponses": YES}
    params = {**call(judge, "notes.delete", id=record.id).params, **answered}
    return Act(params, judge, only_era="modern")


ACTS = {
    "echo": echo,
    "tell": tell,
    "create task": _creating("todo.create", "tasks", "task", "description"),
    "create note": _creating("notes.create", "notes", "note", "content"),
    "create habit": _creating("habits.create", "habits", "habit"),
    "list tasks": _listing("todo.list", "tasks", "tasks", limit=500),
    "search notes": _listing("notes.search", "notes", "notes", newest=100, query="", limit=100),
    "list habits": _listing("habits.list", "habits", "habits"),
    "page notes": page,
    "get note": _on_one("notes.get", "notes", _read),
    "rename note": _on_one("notes.update", "notes", _rename, title=_new_title),
    "complete task": _on_one("todo.complete", "tasks", _complete),
    "list spaces": spaces,
    "list tools": tools,
    "call wrongly": bad,
    "call what is not there": unknown,
    "ask": ask,
    "agree": agree,
}
WRITING = ("create task", "create note", "create habit", "rename note", "complete task")
READING = ("list tasks", "search notes", "list habits", "page notes", "get note", "echo")
KEYED = ("echo", "create task", "create note", "create habit", "list tasks", "get note")
CALM = (
    "tell",
    "echo",
    "tell",
    "list tasks",
    "list habits",
    "list spaces",
    "list tools",
    "call wrongly",
)
"""What leaves the model as it is."""
