"""Actions of the admin: who may run them, that looking is not doing, and what they report."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from promos.models import ApiToken, Campaign, CodeBatch, PromoCode, WebhookEvent
from tests import factories

pytestmark = pytest.mark.django_db
SUBMITTED = {"_form_submitted": "on"}


def failed_code(**fields: object) -> PromoCode:
    code = factories.PromoCodeFactory(**fields)
    # Past the signal, which would make it pending.
    PromoCode.objects.filter(pk=code.pk).update(sync_status="error", sync_error="refused")
    return code


ROWS = {
    PromoCode: failed_code,
    Campaign: factories.CampaignFactory,
    CodeBatch: lambda: CodeBatch.objects.create(
        offer=factories.OfferFactory(), pattern="####-####-####", requested=9
    ),
    WebhookEvent: lambda: factories.WebhookEventFactory(error="KeyError"),
    ApiToken: factories.ApiTokenFactory,
}


def every_action() -> Iterator[tuple[type[Model], str]]:
    """Every action that any page of the admin offers, on rows, pages and selections."""
    for model, page in admin.site._registry.items():
        names: set[str] = set()
        for kind in ("actions_list", "actions_row", "actions_detail", "actions_submit_line"):
            names |= set(page._extract_action_names(getattr(page, kind)))
        names |= {name for name in page.actions or () if isinstance(name, str)}
        yield from ((model, name) for name in sorted(names))


#: Those that only lead to another page.
LINKS = {"duplicate"}
ACTIONS = [(model, name) for model, name in every_action() if name not in LINKS]
NAMES = [f"{model.__name__}-{name}" for model, name in ACTIONS]


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def action_address(row: Model, name: str) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def state(row: Model) -> dict[str, object]:
    return type(row)._default_manager.filter(pk=row.pk).values().get()


@pytest.fixture
def office(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def viewer(db: None) -> User:
    """Staff who may look at everything and change nothing."""
    user = factories.user("viewer@example.com", "viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return user


def test_every_action_is_declared_through_ours() -> None:
    assert {model for model, _ in ACTIONS} == set(ROWS)
    for model, name in ACTIONS:
        method = getattr(admin.site._registry[model], name)
        assert method.allowed_permissions[0] in {"act", "approve"}
        assert method.dialog


@pytest.mark.parametrize(("model", "name"), ACTIONS, ids=NAMES)
def test_action_without_right_is_refused(model: type[Model], name: str, viewer: User, client: Client) -> None:
    row = ROWS[model]()
    before = state(row)
    client.force_login(viewer)
    assert client.post(action_address(row, name), SUBMITTED).status_code == 403
    client.post(
        address(model, "changelist"), {"action": name, "_selected_action": [row.pk], "confirmed": "1"}
    )
    assert state(row) == before


@pytest.mark.parametrize(("model", "name"), ACTIONS, ids=NAMES)
def test_action_by_get_asks_and_changes_nothing(model: type[Model], name: str, office: Client) -> None:
    row = ROWS[model]()
    before = state(row)
    answer = office.get(action_address(row, name))
    assert 'method="post"' in answer.content.decode()
    assert state(row) == before


@pytest.mark.parametrize(("model", "name"), ACTIONS, ids=NAMES)
def test_action_without_csrf_token_is_refused(model: type[Model], name: str, owner: User) -> None:
    row = ROWS[model]()
    before = state(row)
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(action_address(row, name), SUBMITTED).status_code == 403
    assert state(row) == before


@pytest.mark.parametrize(("model", "name"), ACTIONS, ids=NAMES)
def test_action_on_missing_row_is_not_found(model: type[Model], name: str, office: Client) -> None:
    row = ROWS[model]()
    url = action_address(row, name).replace(f"/{row.pk}/", "/999999/")
    assert office.post(url, SUBMITTED).status_code == 404


def test_dialog_names_the_row_it_asks_of(office: Client) -> None:
    for text in ("SPRING20", "AUTUMN20"):
        code = factories.PromoCodeFactory(code=text)
        assert f"Pause: {text}?" in office.get(action_address(code, "pause")).content.decode()


def test_pause_returns_to_the_page_it_was_opened_on(office: Client) -> None:
    code = factories.PromoCodeFactory()
    page = "http://testserver/admin/promos/promocode/?q=CODE"
    headers = {"HX-Request": "true", "HX-Current-URL": page}
    answer = office.post(action_address(code, "pause"), SUBMITTED, headers=headers)
    code.refresh_from_db()
    assert code.paused_at is not None
    assert answer.headers["HX-Redirect"] == "/admin/promos/promocode/?q=CODE"


def test_pause_without_htmx_returns_to_the_list(office: Client) -> None:
    code = factories.PromoCodeFactory()
    answer = office.post(action_address(code, "pause"), SUBMITTED)
    assert answer.headers["Location"] == address(PromoCode, "changelist")


def run(office: Client, name: str, *rows: Model, **extra: str) -> str:
    data = {"action": name, "_selected_action": [row.pk for row in rows], **extra}
    answer = office.post(address(type(rows[0]), "changelist"), data)
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_bulk_pause_reports_done_and_skipped(office: Client, now: datetime) -> None:
    active = factories.PromoCodeFactory(code="ACTIVE")
    paused = factories.PromoCodeFactory(code="PAUSED", paused_at=now)
    said = run(office, "pause", active, paused)
    assert said == "Paused ACTIVE. 1 skipped: PAUSED (it is paused)."


def test_bulk_archive_asks_before_it_acts(office: Client) -> None:
    code = factories.PromoCodeFactory(code="OLD")
    run(office, "archive", code)
    code.refresh_from_db()
    assert code.archived_at is None
    assert run(office, "archive", code, confirmed="yes", **SUBMITTED) == "Archived OLD."
    code.refresh_from_db()
    assert code.archived_at is not None


def test_push_now_makes_a_failed_code_due(office: Client, now: datetime) -> None:
    code = failed_code()
    assert not PromoCode.objects.due_for_push(now)
    office.post(action_address(code, "push_now"), SUBMITTED)
    assert PromoCode.objects.due_for_push(now).get() == code


def test_push_now_leaves_a_conflict_to_the_owner(office: Client) -> None:
    code = factories.PromoCodeFactory(code="TAKEN")
    PromoCode.objects.update(sync_status="conflict")
    assert "1 skipped: TAKEN" in run(office, "push_now", code)


def test_bulk_pull_queues_what_stripe_has(office: Client, now: datetime) -> None:
    there, not_there = factories.SyncedPromoCodeFactory(code="THERE"), factories.PromoCodeFactory(code="NEW")
    said = run(office, "pull", there, not_there)
    assert said == "Queued to be pulled from Stripe: THERE. 1 skipped: NEW (Stripe does not have it yet)."
    page = office.get(address(PromoCode, "change", there.pk)).content.decode()
    assert "Waits for the worker" in page


def test_process_again_puts_a_failed_event_in_the_queue(office: Client, now: datetime) -> None:
    event = factories.WebhookEventFactory(error="KeyError", attempts=9)
    office.post(action_address(event, "process_again"), SUBMITTED)
    event.refresh_from_db()
    assert event.error == ""
    assert event.next_try_at is not None


def test_leave_aside_ends_the_tries_of_a_failed_event_alone(office: Client, now: datetime) -> None:
    hopeless = factories.WebhookEventFactory(stripe_event_id="evt_1", error="No such refund", attempts=9)
    waiting = factories.WebhookEventFactory(stripe_event_id="evt_2")
    said = run(office, "leave_aside", hopeless, waiting)
    assert "Left aside" in said
    assert "1 skipped" in said
    assert "it is not being retried" in said
    assert list(WebhookEvent.objects.due(now + timedelta(days=9))) == [waiting]
    assert "Left aside" in office.get(address(WebhookEvent, "change", hopeless.pk)).content.decode()
    assert not WebhookEvent.objects.failed().exists()


@pytest.mark.parametrize(
    ("state", "badges"), [("aside", {"Left aside"}), ("done", {"Processed"}), ("failed", {"Retrying"})]
)
def test_events_are_filtered_by_what_their_badges_say(
    office: Client, now: datetime, state: str, badges: set[str]
) -> None:
    for error, done_at, copied_at in (
        ("gone", now, now),
        ("", now, now),
        ("busy", now, None),
        ("x", None, None),
    ):
        factories.WebhookEventFactory(error=error, processed_at=done_at, mirrored_at=copied_at)
    shown = office.get(address(WebhookEvent, "changelist"), {"state": state}).context["cl"]
    assert {shown.model_admin.state_badge(event) for event in shown.result_list} == badges


def test_event_that_was_left_aside_can_be_processed_again(office: Client, now: datetime) -> None:
    event = factories.WebhookEventFactory(error="No such refund", processed_at=now, mirrored_at=now)
    office.post(action_address(event, "process_again"), SUBMITTED)
    assert WebhookEvent.objects.due(timezone.now()).get() == event
