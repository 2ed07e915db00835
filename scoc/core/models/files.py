"""Attachments, kept by the hash of their content."""

from __future__ import annotations

from django.db import models

from scoc.core.models.envelope import Envelope


class Attachment(Envelope):
    """A photo or document handed in (附件); equal contents are stored once, each hand-in is a row."""

    digest = models.CharField(max_length=64, db_index=True)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=80)
    name = models.CharField(max_length=160)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    taken_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "core_attachment"

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:12]}"
