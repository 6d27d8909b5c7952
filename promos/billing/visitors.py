"""Whence a request comes, as far as the brake on guessing needs to know."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from promos.brake import Visitor

#: What one household or machine has of IPv6: a whole network of addresses.
IPV6_PREFIX = 64


def of_request(request: HttpRequest) -> Visitor:
    """Return the session and network of a request."""
    return Visitor(session=request.session.session_key or "", network=network(request))


def network(request: HttpRequest) -> str:
    """Return the network a request came from; empty when nobody can say.

    Each proxy of ours appends the address it was called from to
    X-Forwarded-For; what stands before those was written by the caller.
    """
    forwarded = request.headers.get("X-Forwarded-For", "")
    chain = [*(forwarded.split(",") if forwarded else []), request.META.get("REMOTE_ADDR", "")]
    caller = max(-len(chain), -1 - settings.TRUSTED_PROXY_COUNT)
    try:
        address = ipaddress.ip_address(chain[caller].strip())
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        # A server that listens on IPv6 names all of IPv4 so: one network to it, and a visitor each to us.
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
