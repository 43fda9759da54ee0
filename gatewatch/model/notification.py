"""What is delivered, before a channel and a language are chosen: values that delivery renders when it sends them."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from gatewatch.model.alert import Alert
from gatewatch.model.digest import Digest
from gatewatch.model.exposure import ExposureChange
from gatewatch.model.severity import Severity


class Sentence(Struct, frozen=True):
    """A key of `notice` in the labels, and the values for its braces."""

    key: str
    values: dict[str, str] = {}


class Section(Struct, frozen=True):
    """A text under a title, which is a key of `line` in the labels. `max_length` 0: the text is one line."""

    title: str
    text: str
    max_length: int = 0


class AlertNotification(Struct, frozen=True, kw_only=True, tag="alert", omit_defaults=True):
    """An alert with as many changes as a message can show, the highest severity first, and without raw JSON.

    `key` identifies the event. `raw_event` is a redacted excerpt of an event that was not understood. `group_key` is
    the one security group that the call is about, if there is one. `banners` are shown above the alert. `explains`:
    the keys of notices about a change without an event, which is the change of this alert.
    """

    key: str
    alert: Alert
    raw_event: str = ""
    exposure_change: ExposureChange | None = None
    group_key: str = ""
    sections: tuple[Section, ...] = ()
    banners: tuple[Sentence, ...] = ()
    explains: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return self.alert.severity

    @property
    def account_id(self) -> str:
        return self.alert.account.id

    @property
    def event_id(self) -> str:
        return self.alert.call.event_id

    @property
    def event_time(self) -> float | None:
        """Seconds since 1970."""
        return self.alert.call.time.timestamp() if self.alert.call.time else None

    @property
    def actor(self) -> str:
        return self.alert.call.actor.name

    @property
    def language(self) -> str:
        return self.alert.account.language

    @property
    def opens_exposure(self) -> bool:
        return self.exposure_change is not None and bool(self.exposure_change.opened)


class NoticeKind(StrEnum):
    """What a notice is about; it decides on mark and colour."""

    UNREADABLE = "unreadable"
    SILENT = "silent"
    RECOVERED = "recovered"
    DIFFERENT = "different"
    RESOLVED = "resolved"
    REMINDER = "reminder"
    TEST = "test"
    ACCESS_KEY = "access_key"
    ACCESS_KEY_REMOVED = "access_key_removed"
    ACTION = "action"


class OperatorNotice(Struct, frozen=True, kw_only=True, tag="notice", omit_defaults=True):
    """A notice that is no alert: about gatewatch itself, an exception or an access key.

    A paragraph has a sentence a line; `excerpt` is text of several lines. `account_id` is empty unless the notice is
    about one account. `parent_key` is the key of the message in whose thread it is posted, and which is rendered again.
    `subjects`: of how many things a later notice may say that they are explained; that one has them in `resolves`, by
    id, with the sentence that the earlier message then shows.
    """

    key: str
    kind: NoticeKind
    severity: Severity
    title: Sentence
    paragraphs: tuple[tuple[Sentence, ...], ...]
    language: str
    excerpt: str = ""
    account_id: str = ""
    event_id: str = ""
    event_time: float | None = None
    actor: str = ""
    parent_key: str = ""
    subjects: int = 0
    resolves: dict[str, Sentence] = {}


class DigestNotification(Struct, frozen=True, kw_only=True, tag="digest", omit_defaults=True):
    """A digest of `days` days, the first one in ISO form. `timezone` is the one that its times are shown in."""

    key: str
    digest: Digest
    first_day: str
    days: int
    language: str
    timezone: str
    severity: Severity = Severity.INFO
    account_id: str = ""
    event_id: str = ""
    event_time: float | None = None
    actor: str = ""


Notification = AlertNotification | OperatorNotice | DigestNotification
