"""What the suite's tools and one prompt ask back before they answer."""

from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)


def form(message, **properties):
    """Return a question to the user, all of whose fields must be filled in."""
    schema = {"type": "object", "properties": properties, "required": sorted(properties)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling(words, most):
    """Return a question to the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=words))
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=[message], max_tokens=most)
    )


TEXT = {"type": "string"}
CONFIRM = form("Please confirm", ok={"type": "boolean"})
NAME = form("What is your name?", name=TEXT)
CONTEXT = {"user_context": form("What context should the prompt use?", context=TEXT)}

ONE_ROUND = {
    "test_input_required_result_elicitation": ({"user_name": NAME}, None),
    "test_input_required_result_sampling": (
        {"capital_question": sampling("What is the capital of France?", 100)},
        None,
    ),
    "test_input_required_result_list_roots": ({"client_roots": ListRootsRequest()}, None),
    "test_input_required_result_request_state": ({"confirm": CONFIRM}, "asked"),
    "test_input_required_result_tampered_state": ({"confirm": CONFIRM}, "asked"),
    "test_input_required_result_multiple_inputs": (
        {
            "user_name": NAME,
            "greeting": sampling("Generate a greeting", 50),
            "client_roots": ListRootsRequest(),
        },
        "asked",
    ),
    "test_streaming_elicitation": ({"user_name": NAME}, None),
}
"""By tool: what it asks, and the state that it wants back."""

STEPS = (
    ("step1", form("Step 1: What is your name?", name=TEXT)),
    ("step2", form("Step 2: What is your favorite color?", color=TEXT)),
)
CHOICES = {
    "sampling": ("capital_question", sampling("What is the capital of France?", 100)),
    "elicitation": ("user_name", NAME),
    "roots": ("client_roots", ListRootsRequest()),
}
"""By client capability: what may be asked of those who have it."""

_ANSWERS = {
    "elicitation/create": ElicitResult,
    "sampling/createMessage": CreateMessageResult,
    "roots/list": ListRootsResult,
}


def answered(question, answer):
    """Return whether *answer* is one to *question*, with all that was asked for."""
    if not isinstance(answer, _ANSWERS[question.method]):
        return False
    if isinstance(answer, ElicitResult) and answer.action == "accept":
        return set(question.params.requested_schema["required"]) <= set(answer.content or {})
    return True


def ask(questions, params, state=None):
    """Return what is still to be asked, or None when all is answered and the state is back."""
    given = params.input_responses or {}
    complete = all(answered(each, given.get(key)) for key, each in questions.items())
    if complete and params.request_state == state:
        return None
    return InputRequiredResult(input_requests=questions, request_state=state)


_CHOICES = ("option1", "option2", "option3")
_TITLED = [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]

ELICITED = {
    "test_elicitation_sep1034_defaults": form(
        "Please review the defaults",
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        verified={"type": "boolean", "default": True},
    ),
    "test_elicitation_sep1330_enums": form(
        "Please choose",
        untitledSingle={"type": "string", "enum": list(_CHOICES)},
        titledSingle={"type": "string", "oneOf": _TITLED},
        legacyEnum={
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti={"type": "array", "items": {"type": "string", "enum": list(_CHOICES)}},
        titledMulti={"type": "array", "items": {"anyOf": _TITLED}},
    ),
}
"""By tool: the form that it has filled in, in the older era."""


def user_details(message):
    """Return the form of ``test_elicitation``."""
    return form(message, username=TEXT, email=TEXT)
