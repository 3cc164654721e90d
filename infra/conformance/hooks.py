"""What the document cannot say of this API.

Every check of schemathesis is on. A failure is let pass here only where the contract wants exactly this answer, told by
the problem's own code and pointers, so that any other answer to the same request still fails. The report counts them.
"""

import re

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse, UseAfterFree

# Values that are right by themselves: they are wrong beside others, or wrong unless an earlier answer gave them out.
BEYOND_A_SCHEMA = re.compile(
    # Where a page ended: opaque, and only good for the list that gave it out.
    "cursor"
    # Not before the start; and with a change, not before what is stored.
    "|/endsAt|/saleOpensAt|/saleClosesAt"
    # One of the concert's own.
    "|section"
    # The same fan as in the body.
    "|userId"
    # A block ends before it starts, or overlaps another one.
    "|/blocks/[0-9]+"
)
# Refusals of requests that are well-formed, for what happened before.
BECAUSE_OF_BEFORE = {
    # The tool gives a key of one request to another.
    "idempotency_key_reused",
    # The hold is over, or the turn: it was cancelled, paid, or left.
    "reservation_cancelled",
    "reservation_expired",
    "session_over",
}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a failure counts."""
    problem = problem_of(response)
    if isinstance(failure, UnsupportedMethodResponse):
        return not is_no_route(problem, case)
    if isinstance(failure, RejectedPositiveData):
        return not is_beyond_the_document(problem, case)
    if isinstance(failure, UseAfterFree):
        return not is_kept(problem, case)
    return True


def is_kept(body, case):
    """Whether what a DELETE ended is there by right.

    A reservation is cancelled, not deleted, and tells so for good. A fan who left the line may have joined it again, with a
    POST whose path does not name him.
    """
    if case.operation.path.endswith("/reservations/{reservationId}"):
        return body.get("status") == "CANCELLED"
    return case.operation.path.endswith("/tokens/{userId}")


def is_no_route(problem, case):
    """Whether a method that a path does not have is answered as the contract says: there is no such route.

    RFC 9110 leaves the choice between 404 and 405 to the server. `DELETE /reservations/dates` is a route, though: that of
    a reservation, whose id this is not.
    """
    if problem.get("code") == "not_found":
        return True
    return case.operation.path.endswith("/reservations/dates") and pointers(problem) == {"reservationId"}


def is_beyond_the_document(problem, case):
    """Whether a request was refused for what no schema can say."""
    if problem.get("code") in BECAUSE_OF_BEFORE:
        return True
    wrong = pointers(problem)
    return bool(wrong) and all(BEYOND_A_SCHEMA.fullmatch(pointer) or is_float(case.body, pointer) for pointer in wrong)


def is_float(body, pointer):
    """Whether the value there is a whole number that is written with a fraction, like 5.0.

    A schema takes it for an integer; the contract takes no number with a fraction, lest a client computes money so.
    """
    for part in pointer.removeprefix("/").split("/"):
        try:
            body = body[int(part)] if isinstance(body, list) else body[part]
        except (IndexError, KeyError, TypeError, ValueError):
            return False
    return isinstance(body, float)


def pointers(problem):
    """The places where a request is wrong."""
    return {error["pointer"] for error in problem.get("errors", [])}


def problem_of(response):
    """The problem that a response holds; an empty one if it holds none."""
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
