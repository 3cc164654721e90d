"""A sale over HTTP, as fans and administrators see it."""

import json
import time
import urllib.error
import urllib.request

WAIT_SECONDS = 40
# Of every account.
PASSWORD = "correct horse"


class Api:
    """The HTTP API of a stack."""

    def __init__(self, endpoint, host):
        self.endpoint, self.host, self.origin_secret = endpoint, host, ""

    def send(self, method, path, token="", body=None, key=None):
        """Status and JSON body of the answer."""
        headers = {"host": self.host, "content-type": "application/json"}
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        headers |= {"idempotency-key": key} if key else {}
        headers |= {"x-origin-secret": self.origin_secret} if self.origin_secret else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoint + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def expect(self, status, method, path, token="", body=None, key=None):
        answered, answer = self.send(method, path, token, body, key)
        if answered != status:
            raise AssertionError(f"{method} {path}: {answered} instead of {status}: {answer}")
        return answer

    def sign_up(self, name):
        """A new account, logged in."""
        self.expect(201, "POST", "/api/v1/users", body={"username": name, "password": PASSWORD})
        return self.log_in(name)

    def log_in(self, name):
        login = self.expect(200, "POST", "/api/v1/users/login", body={"username": name, "password": PASSWORD})
        return Fan(self, name, login["userId"], login["accessToken"])


class Fan:
    """An account with its tokens."""

    def __init__(self, api, name, user, access):
        self.api, self.name, self.user, self.access, self.queue = api, name, user, access, ""

    def join(self):
        answered, place = self.api.send("POST", "/api/v1/tokens", self.access, {})
        assert answered in (200, 201), place
        self.queue = place["token"]
        return place["status"]

    def status(self):
        place = self.api.expect(200, "GET", f"/api/v1/tokens/{self.user}", self.queue)
        self.queue = place["token"]
        return place["status"]

    def hold(self, concert, seat):
        body = {"concertId": concert, "seatNumber": seat}
        return self.api.expect(201, "POST", "/api/v1/reservations", self.queue, body, f"hold-{seat}")

    def pay(self, hold):
        body = {"reservationId": hold["reservationId"], "amount": hold["amount"]}
        return self.api.expect(200, "POST", "/api/v1/payments/process", self.queue, body, hold["reservationId"])

    def reservation(self, hold):
        return self.api.expect(200, "GET", f"/api/v1/reservations/{hold['reservationId']}", self.access)["status"]

    def balance(self):
        return self.api.expect(200, "GET", f"/api/v1/payments/balance/{self.user}", self.access)["currentBalance"]


def until(what, found):
    """Waits until `found()` is true, and returns it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {WAIT_SECONDS} s"
        time.sleep(0.2)
