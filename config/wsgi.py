"""The web application as gunicorn runs it."""

import os
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from gunicorn.errors import AppImportError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    application = get_wsgi_application()
    # The addresses import every page: a quarter of a second for which the first visitor would wait.
    import_module(settings.ROOT_URLCONF)
except ImproperlyConfigured as error:
    # Of this one gunicorn prints the sentence and stops; any other it logs with a traceback.
    raise AppImportError(str(error)) from error
