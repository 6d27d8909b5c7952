"""A witness of idempotency keys: which requests arrived under which key, also those that were never answered."""

import threading

from promos.standin.api import fingerprint


class KeyBook:
    """Put before a stand-in's API, outside of any faults: `book = KeyBook(standin)`."""

    def __init__(self, standin):
        self.behind = standin.api
        self.lock = threading.Lock()
        self.requests = {}
        standin.api = self

    def handle(self, request):
        key = request.headers.get("idempotency-key")
        if key:
            with self.lock:
                self.requests.setdefault(key, set()).add(fingerprint(request))
        return self.behind.handle(request)

    @property
    def used_twice(self):
        """The keys that came with more than one request."""
        return sorted(key for key, requests in self.requests.items() if len(requests) > 1)
