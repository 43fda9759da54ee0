"""Every language has the same labels with the same placeholders."""

import ast
import re
import string
from pathlib import Path

import msgspec
import pytest
import yaml

from gatewatch.alerts.severity import assessment, caller, monitoring, security_group, sign_in
from gatewatch.config.settings import LANGUAGES
from gatewatch.errors import ConfigurationError
from gatewatch.model.api_call import AccessMethod
from gatewatch.model.change import Outcome
from gatewatch.model.security_group import Direction
from gatewatch.model.severity import Reason, Severity
from gatewatch.rendering.text.labels import Labels, load_labels
from support.paths import TEMPLATES

LABELS = {language: load_labels(TEMPLATES, language) for language in LANGUAGES}
ENGLISH = msgspec.structs.asdict(LABELS["en"])


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def reason_codes():
    """Every reason code of the severity rules: the literals of `Reason(…)` and the names assigned to its argument."""
    modules = (assessment, caller, monitoring, security_group, sign_in)
    return {code for each in modules for code in reason_codes_of(ast.parse(Path(each.__file__).read_text("utf-8")))}


def reason_codes_of(tree):
    arguments = [node.args[0] for node in ast.walk(tree) if isinstance(node, ast.Call) and is_reason(node)]
    names = {argument.id for argument in arguments if isinstance(argument, ast.Name)}
    assigned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and named(node) & names]
    literals = [each for part in (*arguments, *assigned) for each in ast.walk(part) if isinstance(each, ast.Constant)]
    outcomes = {outcome.value for outcome in Outcome if outcome is not Outcome.APPLIED}
    return {each.value for each in literals if isinstance(each.value, str)} | outcomes


def is_reason(call):
    return isinstance(call.func, ast.Name) and call.func.id == "Reason"


def named(assignment):
    return {target.id for target in assignment.targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("section", ENGLISH)
def test_a_language_has_every_label_of_english_and_no_other(language, section):
    assert set(getattr(LABELS[language], section)) == set(ENGLISH[section])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("section", ENGLISH)
def test_a_label_has_the_same_values_in_every_language(language, section):
    found = {key: placeholders(text) for key, text in getattr(LABELS[language], section).items()}
    assert found == {key: placeholders(text) for key, text in ENGLISH[section].items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_label_is_empty(language):
    assert [
        text
        for section in msgspec.structs.asdict(LABELS[language]).values()
        for text in section.values()
        if not text.strip()
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_severity_outcome_direction_and_access_method_has_a_label(language):
    labels = LABELS[language]
    assert set(labels.severity) == set(Severity)
    assert set(labels.outcome) == set(Outcome)
    assert set(labels.attempt_outcome) == set(Outcome) - {Outcome.APPLIED}
    assert set(labels.direction) == {*Direction, "unknown"}
    assert set(labels.via) == set(AccessMethod)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_code_has_a_label(language):
    codes = reason_codes()
    assert {"world", "world_in_parts", "wide", "narrow", "own_group", "denied", "no_op", "egress_default"} <= codes
    assert codes - set(LABELS[language].reason) == set()


def test_every_headline_has_an_attempt_and_every_operation_too():
    for labels in LABELS.values():
        assert set(labels.headline) == set(labels.attempt)
        assert set(labels.operation) == set(labels.operation_attempt)


# The choice of 은/는, 이/가, 을/를, 와/과 and 로/으로 depends on the pronunciation of the word before it.
PARTICLE = re.compile(r"\}`?(?:은|는|이|가|을|를|와|과|로|으로)(?![가-힣])")


def test_no_korean_particle_that_depends_on_its_word_follows_a_placeholder():
    sections = msgspec.structs.asdict(LABELS["ko"]).values()
    assert [text for section in sections for text in section.values() if PARTICLE.search(text)] == []


def test_a_reason_is_a_sentence_with_its_values():
    reason = Reason("wide", {"peer": "52.0.0.0/8", "addresses": "17 million"})
    assert LABELS["en"].reason_text(reason) == "52.0.0.0/8 contains 17 million public addresses"


@pytest.mark.parametrize("broken", ["severity: [", "severity: {info: Info}", ENGLISH | {"extra": {}}, None])
def test_a_label_file_that_is_missing_broken_or_incomplete_is_named(tmp_path, broken):
    (tmp_path / "labels").mkdir()
    file = tmp_path / "labels" / "en.yaml"
    if broken is not None:
        file.write_text(broken if isinstance(broken, str) else yaml.safe_dump(broken), "utf-8")
    with pytest.raises(ConfigurationError, match=r"en\.yaml"):
        load_labels(tmp_path, "en")


def test_labels_are_closed():
    assert Labels.__struct_config__.forbid_unknown_fields
