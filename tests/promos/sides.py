"""Codes on both sides, ours and Stripe's, and the hands that change them."""

import json
from datetime import datetime
from typing import Any

from promos import stripe_gateway
from promos.models import PromoCode, StripePromotionCode
from promos.standin.messages import Response
from promos.standin.server import Standin
from promos.sync import push, terms
from tests.factories import PromoCodeFactory
from tests.standin.faults import Faults


def synced(now: datetime, **fields: Any) -> PromoCode:
    """Return a code that has been pushed."""
    code = PromoCodeFactory(**fields)
    push_all(now)
    return PromoCode.objects.get(pk=code.pk)


def push_all(now: datetime) -> None:
    while push.work(now):
        pass


def again(code: PromoCode) -> PromoCode:
    return PromoCode.objects.select_related("offer").get(pk=code.pk)


def current(code: PromoCode) -> StripePromotionCode:
    generation = terms.current(code)
    assert generation
    return generation


def stripe_id(code: PromoCode) -> str:
    return current(code).stripe_promotion_code_id or ""


def coupon_id(code: PromoCode) -> str:
    return current(code).stripe_coupon.stripe_coupon_id


def active_at_stripe(text: str) -> list[str]:
    return [found["id"] for found in stripe_gateway.list_promotion_codes(code=text, active=True)]


def answer_instead(standin: Standin, path: str, **changes: Any) -> None:
    """Have Stripe's answers to GET requests of a path altered; ``gone=True`` makes them a 404."""

    def altered(request: Any, behind: Any) -> Response:
        if changes.get("gone"):
            error = {"code": "resource_missing", "message": "No such object", "type": "invalid_request_error"}
            return Response(404, json.dumps({"error": error}), {"Content-Type": "application/json"})
        response = behind.handle(request)
        return Response(response.status, json.dumps(json.loads(response.body) | changes), response.headers)

    Faults(standin).always(altered, method="GET", path=path)


def refuse(standin: Standin, path: str, **error: str) -> None:
    """Have GET requests of a path refused with an error's fields."""
    body = json.dumps({"error": {"type": "invalid_request_error", "message": "No", **error}})
    answer = Response(400, body, {"Content-Type": "application/json"})
    Faults(standin).always(lambda _request, _behind: answer, method="GET", path=path)


def replace_at_stripe(code: PromoCode) -> None:
    """Give a code a successor at Stripe, as after a change of its limits."""
    generation = current(code)
    stripe_gateway.update_promotion_code(generation.stripe_promotion_code_id or "", {"active": False})
    params = terms.promotion_code_params(generation.synced_terms)
    made = stripe_gateway.create_promotion_code(params, idempotency_key=f"successor-{code.pk}")
    StripePromotionCode.objects.filter(pk=generation.pk).update(state=StripePromotionCode.State.RETIRED)
    generation.pk, generation.generation = None, generation.generation + 1
    generation.stripe_promotion_code_id = made["id"]
    generation.save(force_insert=True)
