"""The product's settings without the .env of whoever runs the tests; processes that tests start inherit that."""

import os

os.environ["ENV_FILE"] = os.devnull

from config.settings import *
