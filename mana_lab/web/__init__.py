"""What the services' web applications have in common: limits and the shape of errors."""

from mana_lab.web.errors import answer_errors, error_response, invalid_request
from mana_lab.web.limits import BodyLimit

__all__ = ["BodyLimit", "answer_errors", "error_response", "invalid_request"]
