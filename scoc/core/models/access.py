"""People, posts, roles and what they may do."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from scoc.core.fields import BilingualField
from scoc.core.text_index import TextIndex


class User(AbstractBaseUser):
    """A principal: a person with a log-in, a machine with keys, or a part of SCOC that acts by itself.

    Names and numbers of persons are in `Contact`; this row carries none.
    """

    class Kind(models.TextChoices):
        """Who acts."""

        PERSON = "person"
        MACHINE = "machine"
        SYSTEM = "system"

    username = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PERSON)
    from_pack = models.BooleanField(default=False)
    """A city pack brought it, and a pack may change or end it; the others are administrators' alone."""
    contact = models.ForeignKey("core.Contact", on_delete=models.PROTECT, null=True, related_name="+")
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    """Somebody else gave the password: before it is changed its owner can do nothing else."""
    failed_logins = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    language = models.CharField(max_length=8, default="zh-CN")

    objects = BaseUserManager["User"]()
    USERNAME_FIELD = "username"

    class Meta:
        db_table = "core_user"

    def __str__(self) -> str:
        return self.username


class Role(models.Model):
    """A kind of work (角色): acceptor, dispatcher, shift leader, CTO … with the desk it starts at."""

    code = models.CharField(max_length=40, unique=True)
    name = BilingualField()
    home = models.CharField(max_length=60)
    """Path of the home desk in the front end, e.g. `/cases`."""
    machines = models.BooleanField(default=False)
    """Whether keys of machines may act in posts of this role."""
    valid_to = models.DateField(null=True)
    """The day from which the city has it no more; posts that had it keep it, as history."""

    class Meta:
        db_table = "core_role"

    def __str__(self) -> str:
        return self.code


class RoleConflict(models.Model):
    """Two roles that one person may never hold together (职责分离), e.g. collecting and evaluating."""

    first = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="+")
    reason = BilingualField()

    class Meta:
        db_table = "core_role_conflict"
        constraints = (models.UniqueConstraint(fields=("first", "second"), name="core_role_conflict_once"),)

    def __str__(self) -> str:
        return f"{self.first_id} x {self.second_id}"


class Post(models.Model):
    """A position in an organisation (岗位). People act in a post, chosen at log-in, written on every row."""

    code = models.CharField(max_length=60, unique=True)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, related_name="+")
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")
    title = BilingualField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        db_table = "core_post"

    def __str__(self) -> str:
        return self.code


class PostHolding(models.Model):
    """A user holds a post from one moment to another; a delegation (授权代理) names who gave it and its end."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    delegated_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    from_pack = models.BooleanField(default=False)
    """A city pack gave it, and a pack may take it; the others were given in SCOC."""
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)

    class Meta:
        db_table = "core_post_holding"
        indexes = (models.Index(fields=("user", "post"), name="core_holding_user"),)

    def __str__(self) -> str:
        return f"{self.user_id} holds {self.post_id}"


class Grant(models.Model):
    """A permission given to, or denied, a role, a post or one principal (授权). Deny beats allow."""

    class Effect(models.TextChoices):
        """Allow or deny."""

        ALLOW = "allow"
        DENY = "deny"

    class Scope(models.TextChoices):
        """Which rows: own, own unit, unit and below, area and below, the whole city."""

        SELF = "self"
        UNIT = "unit"
        UNIT_BELOW = "unit_below"
        AREA_BELOW = "area_below"
        CITY = "city"

    role = models.ForeignKey(Role, on_delete=models.CASCADE, null=True, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    permission = models.CharField(max_length=80)
    """An action or query name, or a pattern such as `cases.*`."""
    effect = models.CharField(max_length=5, choices=Effect.choices, default=Effect.ALLOW)
    scope = models.CharField(max_length=12, choices=Scope.choices, default=Scope.UNIT)
    persons = models.CharField(max_length=6, default="masked")
    """How persons' fields are shown under this grant: plain, masked or hidden."""
    states = models.JSONField(default=list)
    """States in which the grant holds; empty means all."""
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)

    class Meta:
        db_table = "core_grant"
        constraints = (
            models.CheckConstraint(
                name="core_grant_one_subject",
                condition=models.Q(role__isnull=False, post__isnull=True, user__isnull=True)
                | models.Q(role__isnull=True, post__isnull=False, user__isnull=True)
                | models.Q(role__isnull=True, post__isnull=True, user__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.effect} {self.permission} ({self.scope})"


class ApiKey(models.Model):
    """A key by which a machine calls the API. Only its keyed hash is kept; the prefix tells keys apart."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="+")
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    label = models.CharField(max_length=80)
    per_minute = models.PositiveIntegerField()
    per_day = models.PositiveIntegerField()
    valid_to = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "core_api_key"

    def __str__(self) -> str:
        return self.prefix


class Meter(models.Model):
    """What one key used in one hour: calls answered, calls refused, rows given (计量)."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    answered = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)

    class Meta:
        db_table = "core_meter"
        constraints = (models.UniqueConstraint(fields=("key", "hour"), name="core_meter_key_hour"),)

    def __str__(self) -> str:
        return f"{self.key_id} {self.hour:%Y-%m-%d %H}"


POST_TEXT = TextIndex("core_post", ("title:both", "code"))
