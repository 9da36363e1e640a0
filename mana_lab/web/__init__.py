"""What the services' web applications have in common: limits and the shape of errors.

What needs FastAPI is in :mod:`.handlers`; the gateway does without, and without its memory.
"""

from mana_lab.web.errors import error_response
from mana_lab.web.limits import BodyLimit
from mana_lab.web.tracing import TracedApp, Tracing, carry_trace, trace_id

__all__ = [
    "BodyLimit",
    "TracedApp",
    "Tracing",
    "carry_trace",
    "error_response",
    "trace_id",
]
