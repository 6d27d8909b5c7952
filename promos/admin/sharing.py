"""A code's link and its QR code, to be copied, printed and sent around."""

from __future__ import annotations

import segno
from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from promos.models import PromoCode


def address(code: PromoCode) -> str:
    """Return the link that leads customers to the plans with this code."""
    return f"{settings.SITE_URL}{reverse('billing:code_link', args=[code.code])}"


class Sharing:
    """For the admin of codes: the fields of ``SHARING``."""

    @admin.display(description="Link")
    def link(self, obj: PromoCode) -> SafeString:
        return format_html(
            '<span class="share-link"><code>{0}</code> '
            '<button type="button" class="copy-button" data-copy="{0}">Copy link</button> <code>{1}</code> '
            '<button type="button" class="copy-button" data-copy="{1}">Copy code</button></span>',
            address(obj),
            obj.code,
        )

    @admin.display(description="QR code")
    def qr_code(self, obj: PromoCode) -> SafeString:
        # A data address: no view of its own, and nothing inline that the policy would have to allow.
        drawn = segno.make(address(obj), error="m").svg_data_uri(scale=4, border=4, light="#fff")
        return format_html(
            '<a href="{0}" download="{1}.svg"><img class="qr-code" src="{0}" alt="QR code of the link with {1}" '
            'width="160" height="160"></a><p class="share-hint">Select it to download it as SVG, for print.</p>',
            drawn,
            obj.code,
        )


SHARING = ("Share", {"fields": ("link", "qr_code")})
