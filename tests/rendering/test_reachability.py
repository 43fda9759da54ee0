"""The sentence about the path check, in every language."""

import pytest

from gatewatch.config.settings import LANGUAGES
from gatewatch.model.reachability import Layer, Reachability, Verdict
from gatewatch.rendering.text.labels import load_labels
from gatewatch.rendering.text.reachability import reachability_line
from support.paths import ROOT

LABELS = {language: load_labels(ROOT / "templates", language) for language in LANGUAGES}
STOPPING = [each for each in Layer if each not in {Layer.PEER, Layer.OTHER_ACCOUNTS}]
NOT_READ = [each for each in Layer if each is not Layer.ADDRESS]


def line(language="en", **fields):
    return str(reachability_line(Reachability(**fields), LABELS[language]))


def test_the_path_is_shown():
    text = line(verdict=Verdict.REACHABLE, path=("igw-1", "eni-1", "198.51.100.9"))
    assert text == "Reachable from the internet: `igw-1` → `eni-1` → `198.51.100.9`"


def test_the_brief_answer_names_the_public_address_only():
    found = Reachability(verdict=Verdict.REACHABLE, path=("igw-1", "eni-1", "198.51.100.9"))
    assert str(reachability_line(found, LABELS["en"], brief=True)) == "Reachable from the internet: `198.51.100.9`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_layer_has_a_text_of_its_own(language):
    stopped = {line(language, verdict=Verdict.NOT_REACHABLE, layer=each) for each in STOPPING}
    unknown = {line(language, verdict=Verdict.UNKNOWN, layer=each) for each in NOT_READ}
    assert len(stopped) == len(STOPPING)
    assert len(unknown) == len(NOT_READ)
    assert not any("{" in each for each in stopped | unknown)


def test_ids_cannot_break_the_message():
    assert "<!channel>" not in line(verdict=Verdict.REACHABLE, path=("<!channel>",))
