"""Keys to the JSON API."""

from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """A key with which a program acts as a user. Only its hash is kept: it is shown once, when it is made."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What uses it.")
    # How the key begins, so that its owner knows it again.
    hint = models.CharField(max_length=16)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"
        constraints = [models.UniqueConstraint(fields=["digest"], name="promos_apitoken_digest_unique")]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"
