"""The request core: from a decoded request to Stripe's answer, with no server around it."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import replace

from promos.standin import (
    checkout,
    coupons,
    ids,
    params,
    presenting,
    promotion_codes,
    renewals,
    resources,
    running_discounts,
)
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.events import API_VERSION
from promos.standin.kinds import Document
from promos.standin.messages import Request, Response
from promos.standin.resources import Endpoint
from promos.standin.store import Answer, Store

ACCOUNT = "acct_1StandInForStripe"
KEY = re.compile(r"(sk|rk)_test_\w+")
ANSWERS_LAST = 24 * 60 * 60
LAPSES: dict[str, Callable[[Call, Document], object]] = {
    "checkout.session": checkout.lapse,
    "coupon": coupons.lapse,
    "discount": running_discounts.lapse,
    "promotion_code": promotion_codes.lapse,
    "subscription": renewals.lapse,
}


class Api:
    """Stripe's API on one store.

    Two settings for what Stripe's documentation leaves open: `announce_redemptions`, whether a redemption fires
    promotion_code.updated and coupon.updated; `invoice_first`, whether a checkout's first invoice is announced as
    paid before the checkout as completed.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self.store = store
        self.clock = clock
        self.ahead = 0.0
        self.base_url = ""
        self.announce_redemptions = False
        self.invoice_first = True
        self.routes = [(_pattern(endpoint), endpoint) for endpoint in resources.endpoints()]

    def handle(self, request: Request) -> Response:
        """Answer one request. Refusals are answers too: nothing is raised."""
        request_id = ids.new("req_", 14)
        headers = {
            "Content-Type": "application/json",
            "Request-Id": request_id,
            "Stripe-Version": request.headers.get("stripe-version", API_VERSION),
        }
        try:
            check_key(request)
            with self.store.lock:
                self.sweep()
                answer, replayed = self._answer(request, request_id)
        except StripeError as error:
            return Response(error.status, json.dumps(error.body(request_id)), headers)
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(answer.status, answer.body, headers)

    def sweep(self) -> None:
        """Let everything whose time has come lapse, in the order of time and each at its own moment."""
        with self.store.transaction():
            call = self.call()
            while due := self.store.next_due(call.now):
                LAPSES[due.document["object"]](replace(call, now=due.at), due.document)

    def time(self) -> float:
        """Return what the stand-in takes for the present moment; see hooks.advance."""
        return self.clock() + self.ahead

    def call(self, request_id: str | None = None, idempotency_key: str | None = None) -> Call:
        """Return a call at the present moment; its transaction is the caller's to open."""
        return Call(
            store=self.store,
            now=int(self.time()),
            base_url=self.base_url,
            account=ACCOUNT,
            request_id=request_id,
            idempotency_key=idempotency_key,
            announce_redemptions=self.announce_redemptions,
            invoice_first=self.invoice_first,
        )

    def _answer(self, request: Request, request_id: str) -> tuple[Answer, bool]:
        """Return the answer, and whether it is the one its idempotency key got before."""
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        call = self.call(request_id, key)
        identity = fingerprint(request)
        if not key:
            return Answer(identity, 200, self._run(request, call)), False
        if kept := self.store.answer(key, since=call.now - ANSWERS_LAST):
            _check_same_request(kept, identity, key)
            return kept, True
        try:
            answer = Answer(identity, 200, self._run(request, call))
        except StripeError as error:
            if not error.executed:
                raise
            answer = Answer(identity, error.status, json.dumps(error.body(request_id)))
        self.store.keep_answer(key, answer, call.now)
        return answer, False

    def _run(self, request: Request, call: Call) -> str:
        endpoint, identifiers = self._route(request)
        raw = dict(request.params)
        expand = params.listing(params.text())(raw.pop("expand", ""), "expand")
        values = params.read(raw, endpoint.fields, endpoint.required)
        with self.store.transaction():
            result = endpoint.run(call, values, *identifiers)
            shown = presenting.show(result, presenting.wanted_fields(expand), self.store.get)
        return json.dumps(shown)

    def _route(self, request: Request) -> tuple[Endpoint, tuple[str, ...]]:
        for pattern, endpoint in self.routes:
            match = pattern.fullmatch(request.path)
            if match and endpoint.method == request.method:
                return endpoint, match.groups()
        message = f"Unrecognized request URL ({request.method}: {request.path})."
        raise StripeError(message, status=404)


def _pattern(endpoint: Endpoint) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "([^/]+)", endpoint.path))


def fingerprint(request: Request) -> str:
    """Return what makes two requests the same to an idempotency key."""
    return json.dumps([request.method, request.path, request.params], sort_keys=True)


def _check_same_request(kept: Answer, identity: str, key: str) -> None:
    if kept.fingerprint != identity:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with."
            f" Try using a key other than '{key}' if you meant to execute a different request."
        )
        raise StripeError(message, kind="idempotency_error")


def check_key(request: Request) -> str:
    """Return the caller's secret key.

    Raises StripeError: 401 without a test key. A live key is refused too; nothing here is live.
    """
    key = _sent_key(request.headers.get("authorization", ""))
    if not key:
        raise StripeError("You did not provide an API key: send it as 'Authorization: Bearer …'.", status=401)
    if not KEY.fullmatch(key):
        raise StripeError(f"Invalid API Key provided: {key[:8]}{'*' * 12}", status=401)
    return key


def _sent_key(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
