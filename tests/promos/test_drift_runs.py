"""The runs of the drift doctor: how much they ask, how often they come, what they say when they fail."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from promos import mirror, promo_codes, stripe_gateway
from promos.models import (
    ReconcileRun,
)
from promos.standin.messages import Response
from promos.standin.server import Standin
from promos.sync import pull, push
from promos.sync.drift import doctor
from tests.factories import PromoCodeFactory
from tests.promos import sides
from tests.promos.drift_runs import found, repaired
from tests.promos.sides import coupon_id, current, stripe_id, synced
from tests.standin import spec
from tests.standin.dashboard import Dashboard
from tests.standin.faults import Faults

pytestmark = pytest.mark.django_db


def test_difference_that_is_none_any_more_is_not_reported(
    standin: Standin, dashboard: Dashboard, now: datetime
) -> None:
    """The list was read, then the owner paused the code and the push switched it off."""
    code = synced(now)
    listed = list(stripe_gateway.list_promotion_codes())
    promo_codes.pause(code, now=now)
    sides.push_all(now)
    faults = Faults(standin)
    faults.always(_stale(listed), method="GET", path="/v1/promotion_codes")
    faults.next(_as_it_is, times=9, path="/v1/promotion_codes/")
    assert found(now) == []
    assert repaired(now) == []


def _as_it_is(request: Any, behind: Any) -> Response:
    response: Response = behind.handle(request)
    return response


def _stale(listed: list[dict[str, Any]]) -> Callable[..., Any]:
    def answer(request: Any, behind: Any) -> Response:
        body = {"object": "list", "data": listed, "has_more": False, "url": "/v1/promotion_codes"}
        return Response(200, json.dumps(body), {"Content-Type": "application/json"})

    return answer


def test_run_asks_the_database_no_more_for_more_coupons(
    standin: Standin, now: datetime, django_assert_num_queries: Any
) -> None:
    PromoCodeFactory.create_batch(2)
    sides.push_all(now)
    with CaptureQueriesContext(connection) as for_two:
        doctor.run(is_repairing=False, now=now)
    PromoCodeFactory.create_batch(3)
    sides.push_all(now)
    with django_assert_num_queries(len(for_two)):
        doctor.run(is_repairing=False, now=now)


@pytest.mark.slow
def test_run_asks_for_pages_and_for_what_changed(
    standin: Standin, dashboard: Dashboard, now: datetime
) -> None:
    codes = [synced(now)]
    codes += PromoCodeFactory.create_batch(120, offer=codes[0].offer)
    sides.push_all(now)
    for code in codes[:3]:
        dashboard.deactivate_code(stripe_id(code))
    mirror.ensure_account()
    standin.api = recorder = spec.Recorder(standin.api)
    assert len(repaired(now)) == 3
    pages = recorder.count("GET", "/v1/coupons") + 2
    assert pages == 1 + 2
    assert len(recorder.calls) == pages + 3
    recorder.calls.clear()
    assert found(now) == []
    assert len(recorder.calls) == 3


def test_number_of_queries_grows_with_pages_only(
    standin: Standin, now: datetime, django_assert_max_num_queries: Any
) -> None:
    first = synced(now)
    PromoCodeFactory.create_batch(25, offer=first.offer)
    sides.push_all(now)
    with django_assert_max_num_queries(18):
        assert found_without_looking(now) == 0


def found_without_looking(now: datetime) -> int:
    return doctor.run(is_repairing=False, now=now).findings.count()


def test_worker_makes_one_run_an_hour(standin: Standin, now: datetime) -> None:
    assert doctor.due(now)
    assert (doctor.work(now), doctor.work(now)) == (1, 0)
    assert not doctor.due(now)
    assert doctor.work(now + timedelta(hours=1)) == 1
    assert ReconcileRun.objects.count() == 2


def test_old_runs_are_forgotten(standin: Standin, now: datetime) -> None:
    doctor.work(now)
    doctor.work(now + doctor.KEEP + timedelta(hours=1))
    assert ReconcileRun.objects.count() == 1


def test_run_while_stripe_is_down_says_so(now: datetime) -> None:
    run = doctor.run(is_repairing=True, now=now)
    assert run.error == "Stripe could not be reached."
    assert run.finished_at
    assert doctor.last() == run


def test_run_that_meets_something_strange_says_so(
    standin: Standin, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.coupons, "differences", lambda survey: 1 / 0)
    run = doctor.run(is_repairing=True, now=now)
    assert run.error == "ZeroDivisionError: division by zero"
    assert doctor.last() == run
    assert reconcile()[0] == 1


@pytest.mark.parametrize("error", [KeyError, DataError])
def test_repair_that_is_strange_spares_the_others(
    error: type[Exception], dashboard: Dashboard, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange, other = synced(now, code="STRANGE"), synced(now, code="OTHER")
    for code in (strange, other):
        dashboard.deactivate_code(stripe_id(code))
    repair, id_of_strange = pull.promotion_code, stripe_id(strange)

    def repair_all_but_one(promotion_code_id: str, **rest: Any) -> bool:
        if promotion_code_id == id_of_strange:
            raise error("odd")
        return repair(promotion_code_id, **rest)

    monkeypatch.setattr(pull, "promotion_code", repair_all_but_one)
    found = {finding.promo_code: finding for finding in repaired(now)}
    assert (found[strange].outcome, found[other].outcome) == ("for_owner", "repaired")
    assert found[strange].sentence.endswith(f"It could not be repaired: {error.__name__}: {error('odd')}")


def test_run_with_a_wrong_key_stops_loudly(standin: Standin, now: datetime, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "nonsense"
    with pytest.raises(stripe_gateway.NotAuthorised):
        doctor.work(now)


def reconcile(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("reconcile_promo_codes", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def test_command_finds_then_repairs(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now, code="SPRING")
    assert reconcile() == (0, "In step with Stripe: 2 objects compared, no difference.\n")
    dashboard.deactivate_code(stripe_id(code))
    assert reconcile() == (1, "Found: SPRING was switched off in Stripe.\n")
    assert reconcile("--repair") == (0, "Repaired: SPRING was switched off in Stripe.\n")


def test_command_prints_json(dashboard: Dashboard, now: datetime) -> None:
    code = synced(now, code="SPRING")
    dashboard.deactivate_code(stripe_id(code))
    status, printed = reconcile("--json")
    body = json.loads(printed)
    assert (status, body["ok"], body["objects_seen"]) == (1, False, 2)
    assert body["differences"] == [
        {
            "kind": "deactivated_there",
            "sentence": "SPRING was switched off in Stripe.",
            "outcome": "found",
            "code": "SPRING",
            "stripe_id": current(code).stripe_promotion_code_id,
        }
    ]


def test_command_while_stripe_is_down_fails(now: datetime) -> None:
    assert reconcile() == (1, "")


def test_repair_that_stripe_refuses_is_left_to_the_owner(
    standin: Standin, dashboard: Dashboard, now: datetime
) -> None:
    code = synced(now)
    dashboard.rename_coupon(coupon_id(code), "Spring")
    Faults(standin).always(_refusal, method="GET", path=f"/v1/coupons/{coupon_id(code)}")
    [finding] = repaired(now)
    assert finding.outcome == "for_owner"
    assert finding.sentence.endswith("It could not be repaired: Not today.")
    assert push.work(now) == 0


def _refusal(request: Any, behind: Any) -> Response:
    error = {"error": {"message": "Not today.", "type": "invalid_request_error"}}
    return Response(400, json.dumps(error), {"Content-Type": "application/json"})
