"""The lines of a plan, as sentences of the labels: what people read before they approve it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gatewatch.model.iam import masked_key
from gatewatch.model.notification import Sentence
from gatewatch.remediation.config_rule.annotation import annotated_traffic
from gatewatch.remediation.revert.plan import SettingKind
from gatewatch.remediation.revert.rules import rule_of_entries

if TYPE_CHECKING:
    from gatewatch.remediation.revert.plan import Entries, PlannedChange, RevertPlan
    from gatewatch.rendering.text.labels import Labels

_MAX_TEXT = 500  # of one list of entries in a line
_NOTHING = "–"


def plan_sentences(plan: RevertPlan) -> tuple[Sentence, ...]:
    """Return one sentence for each change of a plan that closes something."""
    return tuple(Sentence(_key(each), _values(each)) for each in plan.changes)


def undo_sentences(plan: RevertPlan) -> tuple[Sentence, ...]:
    """Return one sentence for each change of a plan that restores something."""
    return tuple(Sentence("revert_undo", _values(each)) for each in plan.changes)


def sentence_text(sentence: Sentence, labels: Labels) -> str:
    """Return a sentence as plain text."""
    return labels.notice[sentence.key].format_map(sentence.values)


def _key(change: PlannedChange) -> str:
    is_modified = change.kind is SettingKind.RULE and bool(change.after)
    return f"revert_{change.kind}" + ("_changed" if is_modified else "")


def _values(change: PlannedChange) -> dict[str, str]:
    return {
        "resource": shown_resource(change),
        "removed": _text(change.kind, change.removed),
        "added": _text(change.kind, change.added),
    }


def shown_resource(change: PlannedChange) -> str:
    """Return the resource as messages show it: an access key id is masked."""
    if change.kind is not SettingKind.ACCESS_KEY:
        return change.resource
    user, _, key_id = change.resource.partition("/")
    return f"{user}/{masked_key(key_id)}"


def _text(kind: SettingKind, entries: Entries) -> str:
    text = ", ".join(filter(None, (_entry_text(kind, each) for each in entries)))
    return (text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…") or _NOTHING


def _entry_text(kind: SettingKind, entry: str) -> str:
    if kind is SettingKind.RULE:
        return _rule_text(entry)
    if kind is SettingKind.BUCKET_ACL:
        return _grant_text(json.loads(entry))
    return _statement_text(json.loads(entry)) if entry.startswith("{") else entry


def _rule_text(entry: str) -> str:
    """The rule without words of a language; `→` is a destination."""
    current = rule_of_entries((entry,))
    if current is None:
        return ""
    peer = current.rule.peer.text if current.rule.peer else "?"
    arrow = "→" if current.rule.direction == "egress" else "←"
    return f"{annotated_traffic(current.rule.traffic)} {arrow} {peer}"


def _grant_text(grant: dict[str, dict[str, str]]) -> str:
    grantee = grant["Grantee"]
    return f"{(grantee.get('URI') or grantee.get('ID') or '?').rpartition('/')[2]} {grant['Permission']}"


def _statement_text(statement: dict[str, object]) -> str:
    """A statement by its id, actions and principals; the other elements of a policy are no statement."""
    if "Effect" not in statement:
        return ""
    parts = (statement.get("Sid"), statement.get("Action"), statement.get("Principal"))
    return " ".join(json.dumps(each, ensure_ascii=False) for each in parts if each is not None)
