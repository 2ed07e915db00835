"""The one table of persons' names, numbers and addresses."""

from __future__ import annotations

from django.db import models


class Contact(models.Model):
    """A person as reachable by the city (联系人). Each field is encrypted, with the algorithm named in it;
    keyed hashes find equal names and numbers. Everybody else holds only this row's id."""

    name = models.TextField(blank=True)
    phone = models.TextField(blank=True)
    email = models.TextField(blank=True)
    address = models.TextField(blank=True)
    id_card = models.TextField(blank=True)
    name_hash = models.CharField(max_length=64, blank=True, db_index=True)
    phone_hash = models.CharField(max_length=64, blank=True, db_index=True)
    id_card_hash = models.CharField(max_length=64, blank=True, db_index=True)
    staff = models.BooleanField(default=False)
    """A person who acts for the city: colleagues see the name, the public does not."""
    recorded_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "core_contact"

    def __str__(self) -> str:
        return f"contact {self.pk}"
