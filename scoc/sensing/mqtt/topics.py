"""Topic names and topic filters, section 4.7, and shared subscriptions, section 4.8.2."""

from __future__ import annotations

MOST_LEVELS = 64
"""A filter is walked level by level; nobody needs more of them."""
MOST_BYTES = 2048
SHARE = "$share/"


def name_fault(topic: str) -> str | None:
    """What is wrong with a topic to publish to."""
    if not topic:
        return "a topic has at least one character"
    if "+" in topic or "#" in topic:
        return "a topic to publish to has no wildcards"
    if "\x00" in topic:
        return "a topic has no U+0000"
    return _size_fault(topic)


def filter_fault(wanted: str) -> str | None:
    """What is wrong with a topic filter; of a shared subscription, with its share name too."""
    if not wanted:
        return "a filter has at least one character"
    if "\x00" in wanted:
        return "a filter has no U+0000"
    if wanted == "$share" or wanted.startswith(SHARE):
        name, slash, wanted = wanted.removeprefix("$share").removeprefix("/").partition("/")
        if not name or not slash or not wanted or "+" in name or "#" in name:
            return "a shared subscription reads $share/name/filter"
    levels = wanted.split("/")
    if "#" in wanted and ("#" in "".join(levels[:-1]) or (len(levels[-1]) > 1 and "#" in levels[-1])):
        return "# stands alone on the last level"
    if any("+" in level and level != "+" for level in levels):
        return "+ stands alone on its level"
    return _size_fault(wanted)


def _size_fault(topic: str) -> str | None:
    if topic.count("/") >= MOST_LEVELS or len(topic.encode()) > MOST_BYTES:
        return f"a topic has at most {MOST_LEVELS} levels and {MOST_BYTES} bytes"
    return None


def shared(wanted: str) -> tuple[str, str]:
    """Share name and filter of a subscription; the name is empty where it is not shared."""
    if not wanted.startswith(SHARE):
        return "", wanted
    name, _, rest = wanted.removeprefix(SHARE).partition("/")
    return name, rest


def is_wild(wanted: str) -> bool:
    """Whether a filter may match several topics."""
    return "+" in wanted or "#" in wanted


def matches(wanted: str, topic: str) -> bool:
    """Whether a valid filter, without its share name, matches a valid topic."""
    if wanted[0] in "+#" and topic[0] == "$":  # MQTT-4.7.2-1
        return False
    levels, given = wanted.split("/"), topic.split("/")
    for number, level in enumerate(levels):
        if level == "#":
            return True
        if number >= len(given) or level not in ("+", given[number]):
            return False
    return len(levels) == len(given)
