"""A witness before a stand-in's API: what was asked, and what it answered.

`standin.api = recorder = Recorder(standin.api)`
"""

from typing import NamedTuple

from promos.standin.messages import Request, Response


class Call(NamedTuple):
    request: Request
    response: Response


class Recorder:
    """Passes requests on to an API and remembers each with its answer."""

    def __init__(self, api):
        self.api = api
        self.calls = []

    def handle(self, request):
        response = self.api.handle(request)
        self.calls.append(Call(request, response))
        return response

    def count(self, method, path=""):
        """Return how many requests went out to addresses that begin like this."""
        sent = (call.request for call in self.calls)
        return sum(one.method == method and one.path.startswith(path) for one in sent)
