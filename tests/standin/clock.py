"""A clock that a test can set; otherwise it runs on."""

import time


class Clock:
    """Real time plus what the test has added."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead

    def advance(self, seconds):
        self.ahead += seconds

    def set(self, moment):
        self.ahead = moment - time.time()
