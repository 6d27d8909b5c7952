"""The web application as gunicorn runs it."""

import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from gunicorn.errors import AppImportError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    application = get_wsgi_application()
except ImproperlyConfigured as error:
    # Of this one gunicorn prints the sentence and stops; any other it logs with a traceback.
    raise AppImportError(str(error)) from error
