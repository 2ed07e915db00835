"""What the MQTT listener keeps of its clients beyond a process; one writer, private to `scoc.sensing.mqtt`."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import MicrosField


class MqttSession(models.Model):
    """A session that outlives its connection (会话): MQTT 5.0, section 4.1."""

    id = models.BigIntegerField(primary_key=True)
    """Given by the listener, so that what follows need not wait for the row."""
    principal = models.CharField(max_length=120)
    """Whose credential it is: nobody else resumes it."""
    client_id = models.CharField(max_length=256)
    expiry_seconds = models.BigIntegerField()
    ended = MicrosField(null=True)
    """Since when its client is gone; null while it is there."""
    will = models.BinaryField(null=True)
    """The will as it stands in a CONNECT of 5.0, behind a byte with its QoS and retain flag."""

    class Meta:
        db_table = "sensing_mqtt_session"
        constraints = (models.UniqueConstraint(fields=("principal", "client_id"), name="sensing_mqtt_session_once"),)

    def __str__(self) -> str:
        return f"{self.principal} {self.client_id}"


class MqttSubscription(models.Model):
    """A topic filter of a kept session with its options."""

    session = models.ForeignKey(MqttSession, on_delete=models.CASCADE, related_name="+")
    filter = models.CharField(max_length=2048)
    qos = models.PositiveSmallIntegerField()
    no_local = models.BooleanField()
    retain_as_published = models.BooleanField()
    retain_handling = models.PositiveSmallIntegerField()
    identifier = models.BigIntegerField()

    class Meta:
        db_table = "sensing_mqtt_subscription"
        constraints = (models.UniqueConstraint(fields=("session", "filter"), name="sensing_mqtt_subscription_once"),)

    def __str__(self) -> str:
        return self.filter


class MqttMessage(models.Model):
    """A message of QoS 1 or 2 that waits for the client of a kept session, in the order of the ids."""

    session = models.ForeignKey(MqttSession, on_delete=models.CASCADE, related_name="+")
    packet_id = models.PositiveIntegerField()
    topic = models.CharField(max_length=2048)
    payload = models.BinaryField()
    qos = models.PositiveSmallIntegerField()
    retain = models.BooleanField()
    properties = models.BinaryField()
    """As they stand in a PUBLISH of 5.0, the subscription identifiers among them."""
    expires = MicrosField(null=True)
    released = models.BooleanField()
    """The client has it, and is to forget its identifier."""

    class Meta:
        db_table = "sensing_mqtt_message"
        constraints = (models.UniqueConstraint(fields=("session", "packet_id"), name="sensing_mqtt_message_once"),)

    def __str__(self) -> str:
        return f"{self.packet_id} {self.topic}"


class MqttReceived(models.Model):
    """The identifier of a publication of QoS 2 that was taken and not yet released by its client."""

    session = models.ForeignKey(MqttSession, on_delete=models.CASCADE, related_name="+")
    packet_id = models.PositiveIntegerField()

    class Meta:
        db_table = "sensing_mqtt_received"
        constraints = (models.UniqueConstraint(fields=("session", "packet_id"), name="sensing_mqtt_received_once"),)

    def __str__(self) -> str:
        return str(self.packet_id)


class MqttRetained(models.Model):
    """The newest retained message of a topic (保留消息)."""

    topic = models.CharField(max_length=2048, primary_key=True)
    payload = models.BinaryField()
    qos = models.PositiveSmallIntegerField()
    properties = models.BinaryField()
    expires = MicrosField(null=True)

    class Meta:
        db_table = "sensing_mqtt_retained"

    def __str__(self) -> str:
        return self.topic
