"""Whose turn it is to do what one worker of many does now and then."""

from django.db import models


class Turn(models.Model):
    """Something done at intervals, and when somebody last began it."""

    name = models.CharField(max_length=20)
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="analytics_turn_name_unique")]

    def __str__(self) -> str:
        return f"{self.name}, {self.taken_at}"
