"""`digest:` of policy.yaml: recipients, schedule and language of the digest."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import pytz
from msgspec import Struct

from gatewatch.config.formats import TIME_OF_DAY, time_zone_problems
from gatewatch.config.languages import Language

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = r"[\w!#$%&'*+/=?^`{|}~-]+"
_ADDRESS = re.compile(
    rf"^(?=.{{1,64}}@){_WORD}(?:\.{_WORD})*@(?=.{{4,253}}\Z)(?:[a-z0-9-]+\.)+[a-z]{{2,63}}\Z", re.ASCII | re.IGNORECASE
)
_MAX_RECIPIENTS = 50  # limit of SES for one message


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class DigestMail(Struct, frozen=True, forbid_unknown_fields=True, rename={"sender": "from", "recipients": "to"}):
    """E-mail by Amazon SES; `sender` is an identity that is verified there."""

    sender: str
    recipients: tuple[str, ...]


class DigestSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """No digest is sent without destinations or e-mail recipients. `weekday` applies to weekly digests."""

    to: tuple[str, ...] = ()
    mail: DigestMail | None = None
    every: Literal["day", "week"] = "day"
    at: str = "09:00"
    weekday: Weekday = Weekday.MONDAY
    timezone: str | None = None
    language: Language | None = None
    empty: Literal["say", "skip"] = "say"

    @property
    def is_on(self) -> bool:
        return bool(self.to or self.mail)

    @property
    def days(self) -> int:
        return 7 if self.every == "week" else 1

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield key and sentence for every problem that the types do not exclude."""
        if self != DigestSettings() and not self.is_on:
            yield "to", "names no destination, and there is no mail; write one of them, or remove the digest."
        if not TIME_OF_DAY.match(self.at):
            yield "at", f'"{self.at}" is not a time of day; write one in quotes, such as "09:00".'
        yield from (("timezone", each) for each in time_zone_problems(self.timezone))
        yield from self._mail_problems()

    def _mail_problems(self) -> Iterator[tuple[str, str]]:
        if self.mail is None:
            return
        addresses = [("from", self.mail.sender)]
        addresses += [(f"to[{index}]", each) for index, each in enumerate(self.mail.recipients)]
        for key, address in addresses:
            if not _ADDRESS.match(address):
                yield f"mail.{key}", f'"{address}" is not an e-mail address; write one such as security@example.com.'
        if not 0 < len(self.mail.recipients) <= _MAX_RECIPIENTS:
            yield "mail.to", f"names {len(self.mail.recipients)} addresses; write 1 to {_MAX_RECIPIENTS}."


class DueDigest(Struct, frozen=True):
    """The digest that is due since `due_at`, for the days from `first` up to but not including `end`."""

    due_at: datetime
    first: date
    end: date
    zone: str

    @property
    def days(self) -> int:
        return (self.end - self.first).days

    @property
    def name(self) -> str:
        """Return an id that is the same for every run."""
        return f"{self.first.isoformat()}+{self.days}"

    def bounds(self) -> tuple[datetime, datetime]:
        """Return the first moment of `first` and the last moment before `end`, in `zone`."""
        begin, end = (_at(day, time(), self.zone) for day in (self.first, self.end))
        return begin, end - timedelta(microseconds=1)


def latest_due_digest(settings: DigestSettings, now: datetime, zone: str) -> DueDigest:
    """Return the latest digest whose time has come. `zone` is the default time zone."""
    zone = settings.timezone or zone
    clock, end = time.fromisoformat(settings.at), now.astimezone(pytz.timezone(zone)).date()
    while (moment := _at(end, clock, zone)) > now or not _is_day(settings, end):
        end -= timedelta(days=1)
    return DueDigest(moment, end - timedelta(days=settings.days), end, zone)


def _is_day(settings: DigestSettings, day: date) -> bool:
    return settings.every == "day" or list(Weekday)[day.weekday()] is settings.weekday


def _at(day: date, clock: time, zone: str) -> datetime:
    """Return local wall-clock time as an aware datetime; pytz resolves daylight-saving changes."""
    return pytz.timezone(zone).localize(datetime.combine(day, clock))
