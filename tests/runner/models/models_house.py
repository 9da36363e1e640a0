"""Models that are functions."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

USAGE = RequestUsage(input_tokens=1000, output_tokens=50)


def calls(*wanted, text="", usage=None) -> ModelResponse:
    """Return an answer that calls tools, each given as a name and its arguments."""
    parts = [TextPart(text)] if text else []
    parts += [
        ToolCallPart(name, arguments, tool_call_id=f"{name} {place}")
        for place, (name, arguments) in enumerate(wanted)
    ]
    return ModelResponse(parts, usage=usage or USAGE)


def says(text, **other) -> ModelResponse:
    """Return an answer that is only text."""
    return ModelResponse([TextPart(text)], usage=USAGE, **other)


def leaves(note="I am done.", **other) -> ModelResponse:
    """Return an answer that leaves the app."""
    return calls(("leave", {"note": note, **other}))


def rates(*judgements) -> ModelResponse:
    """Return an answer that rates modules, each given as module, score and cited calls."""
    return calls(
        (
            "rate",
            {
                "ratings": [
                    {
                        "module": module,
                        "experience": f"{module} was there.",
                        "reason": "It did that.",
                        "cites": list(cites),
                        "score": score,
                    }
                    for module, score, *cites in judgements
                ]
            },
        )
    )


@dataclass
class Heard:
    """What a model was asked.

    Attributes:
        messages: The conversation.
        info: The tools on offer, the settings, the instructions.
    """

    messages: list[ModelMessage]
    info: AgentInfo

    @property
    def opening(self) -> str:
        return self.messages[0].parts[0].content

    @property
    def results(self):
        """What the last message tells of tools."""
        return self.messages[-1].parts


@dataclass
class Script:
    """A model that gives its answers one after the other, and remembers what it was asked.

    Attributes:
        answers: Answers, or errors to raise.
        heard: All requests.
    """

    answers: list[ModelResponse | Exception]
    heard: list[Heard] = field(default_factory=list)

    @property
    def model(self) -> FunctionModel:
        return FunctionModel(self._answer, model_name="script")

    async def _answer(self, messages, info) -> ModelResponse:
        self.heard.append(Heard(list(messages), info))
        answer = self.answers[len(self.heard) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def script(*answers) -> Script:
    """Return a model that gives *answers*."""
    return Script(list(answers))
