"""Batches of unique codes: asked for here, made by the worker, with the progress shown."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.forms.models import construct_instance
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.dataclasses import UnfoldAction
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanSwitchWidget

from promos import batches
from promos.admin.actions import Deed, Skipped, Words, action
from promos.admin.base import ProjectAdmin, in_money
from promos.admin.code_form import PromoCodeForm
from promos.admin.links import codes_link
from promos.admin.pages import page
from promos.admin.terms_form import CONDITIONS, TERMS
from promos.models import CodeBatch
from promos.models.limits import LIMITS

STOP = Words(
    title="Stop",
    past="Stopped",
    explanation="No more codes are made. Those that are made stay, and the batch can go on later.",
    icon="stop",
)
GO_ON = Words(
    title="Go on",
    past="Going on with",
    explanation="The worker makes the codes that are still missing.",
    icon="play_arrow",
)


LIMITS_TO_READ = (
    "Who may use it, and when",
    {"fields": (*(name for name in LIMITS if not name.startswith("minimum_")), "minimum")},
)


class BatchForm(PromoCodeForm):
    """What each code of the batch gives and allows, and what their texts look like; checked by ``batches.check``."""

    is_guessable_fine = forms.BooleanField(
        required=False,
        label="Short codes are fine",
        widget=UnfoldBooleanSwitchWidget,
        help_text="Only if it does no harm that somebody may find one by trying.",
    )

    class Meta:
        model = CodeBatch
        fields = ("prefix", "pattern", "requested", "is_guessable_fine", "campaign", "description", *LIMITS)
        labels = {
            "requested": "How many",
            "max_redemptions": "Uses of each",
            "max_redemptions_per_customer": "Uses per customer",
            "first_time_only": "First purchase only",
            "starts_at": "Starts",
            "expires_at": "Ends",
        }
        help_texts = {
            "prefix": "What all begin with, such as SPRING-.",
            "pattern": "# stands for a random letter or digit; none that look alike are used.",
            "requested": "1 to 1,000,000.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("pattern", "####-####-####")
        self.initial.setdefault("max_redemptions", 1)

    def _post_clean(self) -> None:
        construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)
        for name, value in self.terms().items():
            setattr(self.offer, name, value)
        try:
            batches.check(
                self.instance,
                offer=self.offer,
                now=timezone.now(),
                is_guessable_fine=self.cleaned_data.get("is_guessable_fine", False),
            )
        except ValidationError as error:
            self._show(error)


@admin.register(CodeBatch)
class CodeBatchAdmin(ProjectAdmin):
    form = BatchForm
    list_display = ("__str__", "offer", "campaign", "state", "created_at")
    list_select_related = ("offer", "campaign")
    list_filter = (("campaign", RelatedDropdownFilter),)
    search_fields = ("prefix", "pattern", "description")
    autocomplete_fields = ("campaign",)
    conditional_fields = CONDITIONS
    actions = ("stop", "go_on")
    actions_row = ("stop", "go_on")
    actions_detail = ("stop", "go_on")
    readonly_fields = ("progress", "codes", "offer", "minimum", "created_by", "created_at")

    def get_fieldsets(self, request: HttpRequest, obj: CodeBatch | None = None) -> Any:
        if obj is not None:
            facts = ("prefix", "pattern", "offer", "campaign", "description", "created_by", "created_at")
            return ((None, {"fields": ("progress", "codes", *facts)}), LIMITS_TO_READ)
        texts = ("prefix", "pattern", "requested", "is_guessable_fine", "campaign", "description")
        return (
            ("Codes", {"fields": texts}),
            ("What each gives", {"fields": TERMS}),
            ("Who may use it, and when", {"fields": LIMITS}),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        batch = CodeBatch.objects.filter(pk=object_id).first()
        if batch is None or batch.is_complete:
            return []
        of_use = "go_on" if batch.stopped_at else "stop"
        return [each for each in found if each.method.__name__ == of_use]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What is being made is not edited; it may be stopped.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: CodeBatch, form: BatchForm, change: bool) -> None:
        batches.create(
            obj,
            offer=form.offer,
            now=timezone.now(),
            by=cast("User", request.user),
            is_guessable_fine=form.cleaned_data["is_guessable_fine"],
        )

    def response_add(self, request: HttpRequest, obj: CodeBatch, post_url_continue: str | None = None) -> Any:
        """Go where the progress is shown, unless another is to be added."""
        answer = super().response_add(request, obj, post_url_continue)
        is_done = "_addanother" not in request.POST
        return redirect("admin:promos_codebatch_change", obj.pk) if is_done else answer

    @display(description="Made")
    def state(self, obj: CodeBatch) -> str:
        made = f"{obj.generated:,} of {obj.requested:,}"
        return f"{made}, stopped" if obj.stopped_at and not obj.is_complete else made

    @display(description="Made")
    def progress(self, obj: CodeBatch) -> SafeString:
        return render_to_string("admin/promos/batch_progress.html", {"batch": obj, "state": self.state(obj)})

    @display(description="Codes")
    def codes(self, obj: CodeBatch) -> SafeString:
        return codes_link("batch", obj)

    @display(description="Smallest order")
    def minimum(self, obj: CodeBatch) -> str:
        return in_money(obj.minimum_amount, obj.minimum_amount_currency)

    @page("<int:pk>/progress/", permission="promos.view_codebatch")
    def progress_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer how far a batch is, for the page that shows it."""
        batch = CodeBatch.objects.filter(pk=pk).first()
        if batch is None:
            raise Http404
        return HttpResponse(self.progress(batch))

    @action(STOP)
    def stop(self, batch: CodeBatch, deed: Deed) -> None:
        if not batches.stop(batch, now=deed.now):
            raise Skipped("nothing of it is being made")

    @action(GO_ON)
    def go_on(self, batch: CodeBatch, deed: Deed) -> None:
        if not batches.go_on(batch):
            raise Skipped("it was not stopped")
