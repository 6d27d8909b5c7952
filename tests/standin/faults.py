"""Faults put before a stand-in's API: `faults = Faults(standin)`, then `faults.next(faults.too_many)` and the like.

A fault is a function of the request and the API behind it. Planned faults are used up one call each, in order; a
standing one (`faults.always`) meets every call it is for until `faults.clear()`.
"""

import json
import random
import re
import threading
import time

from promos.standin import api
from promos.standin.api import ACCOUNT
from promos.standin.messages import Response
from promos.standin.store import Answer

RESOURCES = {"checkout": "checkout_session", "accounts": "account"}


class Faults:
    """A stand-in's API with faults before it; also counts what arrives."""

    def __init__(self, standin):
        self.behind = standin.api
        self.core = standin.core
        self.planned = []
        self.standing = None
        self.released = threading.Event()
        standin.api = self

    def handle(self, request):
        fault = self._fault_for(request)
        return fault(request, self.behind) if fault else self.behind.handle(request)

    def _fault_for(self, request):
        for index, (fault, wanted) in enumerate(self.planned):
            if wanted(request):
                del self.planned[index]
                return fault
        if self.standing and self.standing[1](request):
            return self.standing[0]
        return None

    def next(self, fault, *, times=1, method=None, path=""):
        """Meet the next calls to such addresses with a fault."""
        self.planned += [(fault, _matcher(method, path))] * times

    def always(self, fault, *, method=None, path=""):
        """Meet every call to such addresses with a fault, until cleared."""
        self.standing = (fault, _matcher(method, path))

    def by_chance(self, share, *, seed, without=()):
        """Meet a share of all writing calls, 0 to 1, with a fault drawn by a seed, until cleared."""
        dice = random.Random(seed)  # noqa: S311 - a test's dice
        known = (
            self.outage,
            self.drop_after_commit,
            self.too_many,
            self.error_before_commit,
            self.error_after_commit,
        )
        kinds = [fault for fault in known if fault not in without]

        def drawn(request, behind):
            is_met = request.method == "POST" and dice.random() < share
            return dice.choice(kinds)(request, behind) if is_met else behind.handle(request)

        self.always(drawn)

    def clear(self):
        """End every fault, and let go what hangs."""
        self.planned.clear()
        self.standing = None
        self.released.set()
        self.released = threading.Event()

    # The faults

    def outage(self, request, behind):
        """Drop the connection; nothing happened."""
        raise ConnectionAbortedError

    def drop_after_commit(self, request, behind):
        """Do it, then drop the connection without an answer."""
        behind.handle(request)
        raise ConnectionAbortedError

    def hang(self, request, behind):
        """Do nothing and say nothing, until released; then drop the connection."""
        self.released.wait()
        raise ConnectionAbortedError

    def too_many(self, request, behind):
        """Answer 429, as beyond the rate limit."""
        return _refusal(429, "Request rate limit exceeded.", "invalid_request_error", "rate_limit")

    def locked(self, request, behind):
        """Answer 429, as when another call holds the object."""
        message = "This object cannot be accessed right now because another API request is accessing it."
        return _refusal(429, message, "invalid_request_error", "lock_timeout")

    def error_before_commit(self, request, behind):
        """Answer 500 having done nothing; the key keeps the 500."""
        return self._kept(request, _refusal(500, "An unknown error occurred.", "api_error"))

    def error_after_commit(self, request, behind):
        """Do it, answer 500 all the same, and keep the 500 for the key."""
        behind.handle(request)
        return self._kept(request, _refusal(500, "An unknown error occurred.", "api_error"))

    def _kept(self, request, response):
        key = request.headers.get("idempotency-key")
        if key:
            answer = Answer(api.fingerprint(request), response.status, response.body)
            with self.core.store.transaction():
                self.core.store.keep_answer(key, answer, int(self.core.time()))
        return response


class Slow:
    """Put before a stand-in's API: every answer takes its time, before or after what was asked is done."""

    def __init__(self, behind, seconds):
        self.behind, self.seconds = behind, seconds

    def handle(self, request):
        time.sleep(self.seconds / 2)
        response = self.behind.handle(request)
        time.sleep(self.seconds / 2)
        return response


def latency(seconds):
    """Return a fault that answers rightly but late."""

    def late(request, behind):
        time.sleep(seconds)
        return behind.handle(request)

    return late


def rate_limit(per_second=25, per_endpoint=25, *, clock=time.monotonic):
    """Return a fault that refuses what goes beyond so many calls within any second, in all and per endpoint."""
    answered = []
    lock = threading.Lock()

    def limited(request, behind):
        endpoint = (request.method, request.path.split("/")[2])
        with lock:
            now = clock()
            answered[:] = [(moment, known) for moment, known in answered if moment > now - 1]
            same = sum(known == endpoint for _, known in answered)
            if len(answered) >= per_second or same >= per_endpoint:
                return _refusal(429, "Request rate limit exceeded.", "invalid_request_error", "rate_limit")
            answered.append((now, endpoint))
        return behind.handle(request)

    return limited


def restricted(*granted):
    """Return a fault for a restricted key: 403 unless the permission (`rak_coupon_write`) is granted."""

    def limited(request, behind):
        permission = permission_for(request)
        if permission in granted or permission.replace("_read", "_write") in granted:
            return behind.handle(request)
        message = (
            "The provided key 'rk_test_*********' does not have the required permissions for this endpoint on account"
            f" '{ACCOUNT}'. Having the '{permission}' permission would allow this request to continue."
        )
        return _refusal(403, message, "invalid_request_error")

    return limited


def permission_for(request):
    """Return the permission a restricted key needs for a request: writing includes reading."""
    noun = request.path.split("/")[2]
    singular = RESOURCES.get(noun, re.sub(r"s$", "", noun))
    return f"rak_{singular}_{'read' if request.method == 'GET' else 'write'}"


def _matcher(method, path):
    return lambda request: request.method == (method or request.method) and request.path.startswith(path)


def _refusal(status, message, kind, code=None):
    error = {"message": message, "type": kind, **({"code": code} if code else {})}
    return Response(
        status, json.dumps({"error": error}), {"Content-Type": "application/json", "Request-Id": "req_fault"}
    )
