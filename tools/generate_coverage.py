"""docs/coverage.md: which public rules gatewatch covers, computed over the example calls. `make docs` writes it.

A call counts when an example of it gives a row and the same call, failed, gives nothing above info. A rule is covered
when all of its calls count, partly when some do. Rules that are about no family stand in outside.yaml with a reason.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

from gatewatch.config.paths import ROOT
from tools.example_calls import EXAMPLES, FOLDER, rows_of
from tools.watched_operations import not_reported

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tools.example_calls import Example

DOCUMENT = ROOT / "docs" / "coverage.md"
LEVELS = ("info", "low", "medium", "high", "critical")
COVERED, PARTLY, NOT_COVERED = "covered", "partly", "not covered"
NOT_APPLICABLE, OUTSIDE = "not applicable", "outside"
CIS, STRATUS = "CIS 4.x", "stratus"
_DATE = re.compile(r"20\d{6}(?:v\d+)?$")
_FAILED = "Client.InvalidParameterValue"
_HEAD = """# What public rules ask for, and what gatewatch does about it

Made by `make docs` from the example calls in `tools/coverage/examples`, each run through the pipeline of
`gatewatch replay`. Do not edit it here. `tools/coverage/rules.tsv` holds the ids of the rules and the API calls that
each is about: the CIS AWS Foundations Benchmark 4.x (v6 and v7 number the same controls 5.x) and the AWS rules of
Sigma, Elastic, Panther and Prowler, and the techniques of Stratus Red Team, as of November 2026. Several of those rules
compare a call with what is usual for the caller; gatewatch judges the call itself, so a rule counts as covered when its
calls are reported. Rules that are about no family of gatewatch are listed at the end, with the reason
(`tools/coverage/outside.yaml`).
"""


class Call(Struct, frozen=True):
    """What the examples of one API call show. `severity` is the highest of them."""

    name: str
    families: tuple[str, ...]
    severity: str
    example: str
    is_quiet_when_failed: bool


class Rule(Struct, frozen=True):
    source: str
    id: str
    calls: tuple[str, ...]


class Verdict(Struct, frozen=True):
    rule: Rule
    verdict: str
    reported: tuple[Call, ...]
    missing: tuple[str, ...]
    reason: str = ""


@cache
def calls() -> dict[str, Call]:
    """The calls that give a row, by their names without a date."""
    by_name: dict[str, list[Example]] = {}
    for example in EXAMPLES:
        by_name.setdefault(_DATE.sub("", example.name), []).append(example)
    found = ((name, _call(name, examples)) for name, examples in by_name.items())
    return {name: call for name, call in found if call}


def _call(name: str, examples: Iterable[Example]) -> Call | None:
    applied = [(row, each) for each in examples if not each.error for row in rows_of(each)]
    if not applied:
        return None
    worst, example = max(applied, key=lambda pair: LEVELS.index(pair[0]["severity"]))
    failed = [row for each in examples if not each.error for row in rows_of(each, errorCode=_FAILED)]
    return Call(
        name,
        tuple(dict.fromkeys(row["family"] for row, _ in applied)),
        worst["severity"],
        example.id,
        all(row["severity"] in LEVELS[:2] for row in failed),
    )


def rules() -> list[Rule]:
    with (FOLDER / "rules.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [Rule(row["list"], row["id"], tuple(row["calls"].split())) for row in rows]


def verdicts() -> list[Verdict]:
    return [_verdict(rule) for rule in rules()]


def _verdict(rule: Rule) -> Verdict:
    if rule in outside():
        return Verdict(rule, OUTSIDE, (), (), outside()[rule])
    stated = next(each for each in _read("not_one_call.yaml") if _is_about(each, rule))
    reported = tuple(calls()[name] for name in rule.calls if name in calls())
    missing = tuple(name for name in rule.calls if name not in calls())
    if not rule.calls or stated["id"] != "*":
        return Verdict(rule, stated["verdict"], reported, missing, stated["reason"].format_map(_of_every_call()))
    verdict = COVERED if not missing else PARTLY if reported else NOT_COVERED
    return Verdict(rule, verdict, reported, missing, "; ".join(dict.fromkeys(map(gap, missing))))


@cache
def outside() -> dict[Rule, str]:
    """The rules that are about no family, with the reason. Raises `KeyError` for a rule that does not exist."""
    known = {(rule.source, rule.id): rule for rule in rules()}
    return {
        known[source, name]: group["reason"]
        for group in _read("outside.yaml")
        for source in group.keys() - {"reason"}
        for name in group[source].split()
    }


@cache
def _of_every_call() -> dict[str, str]:
    """How many of the watched calls give rows of at least low when refused, and of at least high when made by root."""
    root = {"type": "Root", "accountId": "111122223333", "principalId": "111122223333"}
    changes: dict[str, tuple[str, dict[str, Any]]] = {
        "refused": ("low", {"errorCode": "AccessDenied", "errorMessage": "refused"}),
        "root": ("high", {"userIdentity": root}),
    }
    watched = [each for each in EXAMPLES if not each.error and rows_of(each)]
    return {
        name: f"{len({each.name for each in watched if is_at_least(least, each, **more)})} of "
        f"{len({each.name for each in watched})}"
        for name, (least, more) in changes.items()
    }


def is_at_least(severity: str, example: Example, **more: Any) -> bool:
    """Whether the example with these fields gives rows, all of at least a severity."""
    found = [LEVELS.index(row["severity"]) for row in rows_of(example, **more)]
    return bool(found) and min(found) >= LEVELS.index(severity)


def _is_about(stated: dict[str, Any], rule: Rule) -> bool:
    return fnmatchcase(rule.source, stated["list"]) and fnmatchcase(rule.id, stated["id"])


def gap(call: str) -> str:
    """Why a call gives no row."""
    groups = _read("gaps.yaml")
    return str(next(each["reason"] for each in groups if any(fnmatchcase(call, one) for one in each["calls"].split())))


@cache
def _read(name: str) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return content


def document() -> str:
    found = verdicts()
    concerned = [each for each in found if each.verdict != OUTSIDE]
    parts = (
        _HEAD,
        *_figures(found),
        *_table("CIS AWS Foundations Benchmark", "Control", CIS, found),
        *_table("Stratus Red Team", "Technique", STRATUS, found),
        *_techniques(),
        *_incomplete(concerned),
        *_gaps(concerned),
        *_outside(),
        *_left_out(),
    )
    return "\n".join(parts).rstrip() + "\n"


def _figures(found: list[Verdict]) -> Iterator[str]:
    yield "## Figures\n"
    yield "Outside: about no family. The share is of the rules that are about one.\n"
    yield "| Rules | Outside | Covered | Partly | Not covered | Not applicable | Covered of those inside |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for source in dict.fromkeys(each.rule.source for each in found):
        counted = Counter(each.verdict for each in found if each.rule.source == source)
        columns = (OUTSIDE, COVERED, PARTLY, NOT_COVERED, NOT_APPLICABLE)
        numbers = " | ".join(str(counted[each]) for each in columns)
        yield f"| {source} ({sum(counted.values())}) | {numbers} | {share_of(counted):.0%} |"
    yield "\n`python -m tools.generate_coverage --rules` prints the verdict for each rule.\n"


def share_of(counted: Mapping[str, int]) -> float:
    """The share of covered rules among those that are about a family."""
    return counted[COVERED] / sum(counted[each] for each in (COVERED, PARTLY, NOT_COVERED))


def _table(title: str, what: str, source: str, found: list[Verdict]) -> Iterator[str]:
    """Control or technique -> family, severity and the call whose example shows it; then why the others are not."""
    own = [each for each in found if each.rule.source == source]
    yield f"## {title}\n"
    yield f"| {what} | Verdict | Family | Highest severity | Example |"
    yield "| --- | --- | --- | --- | --- |"
    for each in own:
        yield f"| {each.rule.id} | {each.verdict} | {_families(each.reported)} | {_worst(each.reported)} |"
    yield "\nWhat is not covered in full:\n"
    yield from (f"- {each.rule.id}: {each.reason}." for each in own if each.reason)
    yield ""


def _families(reported: Iterable[Call]) -> str:
    return ", ".join(dict.fromkeys(family for each in reported for family in each.families)) or "-"


def _worst(reported: tuple[Call, ...]) -> str:
    """The highest severity, and the call whose example shows it."""
    if not reported:
        return "- | -"
    worst = max(reported, key=lambda each: LEVELS.index(each.severity))
    return f"{worst.severity} | `{worst.name}`"


def _techniques() -> Iterator[str]:
    yield "## MITRE ATT&CK\n"
    yield "| Technique | Calls | Family | Highest severity | Example |"
    yield "| --- | --- | --- | --- | --- |"
    for each in _read("techniques.yaml"):
        reported = tuple(calls()[name] for name in each["calls"].split())
        names = ", ".join(f"`{one.name}`" for one in reported)
        yield f"| {each['id']} {each['name']} | {names} | {_families(reported)} | {_worst(reported)} |"
    yield ""


def _incomplete(concerned: list[Verdict]) -> Iterator[str]:
    """Rules of the detection sets that are about a family and not covered, or in part."""
    yield "## Rules about a family that are not covered in full\n"
    yield "| Rule | Verdict | Not reported |"
    yield "| --- | --- | --- |"
    for each in concerned:
        if each.rule.source in {"elastic", "sigma", "panther"} and each.verdict != COVERED:
            missing = ", ".join(f"`{name}`" for name in each.missing) or each.reason
            yield f"| {each.rule.source} {each.rule.id} | {each.verdict} | {missing} |"
    yield ""


def _outside() -> Iterator[str]:
    yield "## Rules about no family\n"
    by_reason: dict[str, list[str]] = {}
    for rule, reason in outside().items():
        by_reason.setdefault(reason, []).append(f"{rule.source} {rule.id}")
    for reason, names in by_reason.items():
        yield f"- **{reason[:1].upper() + reason[1:]}** ({len(names)}): {', '.join(sorted(names))}."
    yield ""


def _gaps(found: list[Verdict]) -> Iterator[str]:
    """The calls that rules name and that give no row, by reason."""
    yield "## Gaps\n"
    yield "The calls of those rules that give no row.\n"
    by_reason: dict[str, dict[str, int]] = {}
    for each in found:
        for name in each.missing:
            named = by_reason.setdefault(gap(name), {})
            named[name] = named.get(name, 0) + 1
    for reason, names in sorted(by_reason.items(), key=lambda pair: -sum(pair[1].values())):
        listed = ", ".join(f"`{name}`" for name in sorted(names))
        yield f"- **{reason[:1].upper() + reason[1:]}** ({sum(names.values())} times): {listed}."
    without = sum(1 for each in found if not each.rule.calls and each.verdict == NOT_COVERED)
    yield f"- **Not about one call** ({without} rules): behaviour, user agents, addresses, prompts of a model.\n"


def _left_out() -> Iterator[str]:
    """Operations of AWS that could matter and are left out, from the models of botocore."""
    yield "## Known, not reported\n"
    yield "Found in the models of AWS by `tools/watched_operations.py`; a test fails when a new one appears.\n"
    by_reason: dict[str, list[str]] = {}
    for (service, name), reason in not_reported().items():
        by_reason.setdefault(reason, []).append(f"{service} {name}")
    for reason, names in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
        yield f"- {reason[:1].upper() + reason[1:]} ({len(names)}): {', '.join(f'`{each}`' for each in names)}."
    yield ""


def _lines() -> Iterator[str]:
    yield "list\tid\tverdict\tfamilies\tseverity\tnot reported\treason"
    for each in verdicts():
        severity = _worst(each.reported).split(" | ")[0]
        missing = " ".join(each.missing)
        rule = each.rule
        yield "\t".join((rule.source, rule.id, each.verdict, _families(each.reported), severity, missing, each.reason))


if __name__ == "__main__":
    if sys.argv[1:] == ["--rules"]:
        sys.stdout.write("\n".join(_lines()) + "\n")
    else:
        DOCUMENT.write_text(document(), encoding="utf-8")
        sys.stdout.write(f"{DOCUMENT.relative_to(ROOT)}\n")
