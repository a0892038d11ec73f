"""Sizes, resources and times as a person reads them, in English or French."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from gaia_vre_hub.locale import say
from gaia_vre_hub.manifest import Resources

LONGEST_LINE = 300


def size(amount: int, lang: str) -> str:
    """Bytes: ``55 MB``, ``1,2 Go``."""
    unit, rest = ("o" if lang == "fr" else "B"), float(amount)
    for prefix in ("", "k", "M"):
        if rest < 1000:
            return f"{rest:.0f} {prefix}{unit}"
        rest /= 1000
    return f"{number(round(rest, 1), lang)} G{unit}"


def number(value: float, lang: str) -> str:
    """A number with the language's decimal mark."""
    shown = f"{value:.6g}"
    return shown.replace(".", ",") if lang == "fr" else shown


def resources(item: Resources | None, lang: str) -> str:
    """What a session gets; what is not limited is said, too. Empty where there is nothing to choose."""
    if item is None:
        return ""
    parts = []
    if item.cpu:
        parts.append(say("processors" if item.cpu >= 2 else "processor", lang, value=number(item.cpu, lang)))
    if item.memory:
        parts.append(say("memory", lang, value=number(round(item.memory / (1 << 30), 2), lang)))
    if item.gpu:
        parts.append(f"{item.gpu} GPU")
    if item.time:
        hours = item.time / 3600
        if hours >= 1 and item.time % 1800 == 0:
            parts.append(say("hours", lang, value=number(hours, lang)))
        else:
            parts.append(say("minutes", lang, value=str(math.ceil(item.time / 60))))
    if not item.cpu:
        parts.append(say("processors_shared" if item.memory else "all_shared", lang))
    elif not item.memory:
        parts.append(say("memory_shared", lang))
    return ", ".join(parts)


def ago(then: datetime, now: datetime, lang: str) -> str:
    """How long ago, in the largest unit that fits; a time to come (a clock that was set) is just now."""
    minutes = int((_aware(now) - _aware(then)).total_seconds() // 60)
    if minutes < 1:
        return say("just_now", lang)
    if minutes < 60:
        return say("minutes_ago", lang, value=str(minutes))
    if minutes < 48 * 60:
        return say("hours_ago", lang, value=str(minutes // 60))
    return say("days_ago", lang, value=str(minutes // (24 * 60)))


def lasting(seconds: float) -> str:
    """How long something takes, in either language: ``2 h 5 min``."""
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def moment(at: datetime, lang: str) -> str:
    """A time of day and date in UTC; the page's script shows it in the browser's own time zone."""
    return _aware(at).astimezone(UTC).strftime("%d/%m/%Y %H:%M UTC" if lang == "fr" else "%Y-%m-%d %H:%M UTC")


def machine(at: datetime) -> str:
    """For the attribute ``datetime`` of HTML."""
    return _aware(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def line(said: str) -> str:
    """What a program said, in one line that fits a page and a log; of much, the end."""
    shown = "".join(letter if letter.isprintable() else " " for letter in said).strip()
    return shown if len(shown) <= LONGEST_LINE else f"…{shown[1 - LONGEST_LINE :]}"
