"""Exceptions from the checks of schemathesis, for rules that an OpenAPI document cannot express.

Every check is on. A failure is ignored only where the contract requires exactly this answer, recognised by the
problem's code and pointers, so that any other answer to the same request fails. The report counts ignored failures.
"""

import re

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse, UseAfterFree

# Pointers to values that fit the schema, and are wrong beside other values or unless an earlier answer gave them out.
BEYOND_A_SCHEMA = re.compile(
    # Opaque, and valid only for the list that returned it.
    "cursor"
    # Must not be before the start; in a change, the stored start.
    "|/endsAt|/saleOpensAt|/saleClosesAt"
    # Must be a section of the concert.
    "|section"
    # Must name the same fan as the body.
    "|userId"
    # Only ten webhooks; a host name may have a private address.
    "|webhookId|/url"
    # A block that ends before it starts, or overlaps another.
    "|/blocks/[0-9]+"
)
# Codes that refuse a valid request because of earlier requests.
BECAUSE_OF_BEFORE = {
    # The tool uses the key of one request for another.
    "idempotency_key_reused",
    # The hold or the session is over: cancelled, paid, expired, or left.
    "reservation_cancelled",
    "reservation_expired",
    "session_over",
}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Returns whether a failure counts."""
    problem = problem_of(response)
    if isinstance(failure, UnsupportedMethodResponse):
        return not is_route_of_another_path(problem, case)
    if isinstance(failure, RejectedPositiveData):
        return not is_beyond_the_document(problem, case)
    if isinstance(failure, UseAfterFree):
        return not is_kept(problem, case)
    return True


def is_kept(body, case):
    """Returns whether a resource may still be found after its DELETE.

    A reservation is cancelled, not deleted, and shows that status for good. A fan who left the queue may have joined
    again; the tool does not see that, since the path of the POST does not contain the fan's id.
    """
    if case.operation.path.endswith("/reservations/{reservationId}"):
        return body.get("status") == "CANCELLED"
    return case.operation.path.endswith("/tokens/{userId}")


def is_route_of_another_path(problem, case):
    """Returns whether a method that a path lacks was answered by the route of another path.

    `DELETE /reservations/dates` matches the route of a reservation, and "dates" is no valid id.
    """
    return case.operation.path.endswith("/reservations/dates") and pointers(problem) == {"reservationId"}


def is_beyond_the_document(problem, case):
    """Returns whether a request was refused by a rule that no schema can express."""
    if problem.get("code") in BECAUSE_OF_BEFORE:
        return True
    wrong = pointers(problem)
    return bool(wrong) and all(BEYOND_A_SCHEMA.fullmatch(pointer) or is_float(case.body, pointer) for pointer in wrong)


def is_float(body, pointer):
    """Returns whether the value at the pointer is a number with a fraction part, like 5.0.

    For a schema, 5.0 is an integer. The contract refuses it, so that no client computes money with floating point.
    """
    for part in pointer.removeprefix("/").split("/"):
        try:
            body = body[int(part)] if isinstance(body, list) else body[part]
        except (IndexError, KeyError, TypeError, ValueError):
            return False
    return isinstance(body, float)


def pointers(problem):
    """Returns the pointers to the invalid parts of a request."""
    return {error["pointer"] for error in problem.get("errors", [])}


def problem_of(response):
    """Returns the problem in a response; an empty one if there is none."""
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
