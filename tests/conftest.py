"""What several test files share: builders of made-up records, and the pipeline from a document to its rows."""

import io
import json

import msgspec
import pytest

from gatewatch.alerts.pipeline import Judge
from gatewatch.alerts.replay import replay
from gatewatch.alerts.rule_history import RecentRules
from gatewatch.config.settings import load_settings
from gatewatch.errors import UndecodableError
from gatewatch.events.files import documents
from gatewatch.model.alert import Alert
from gatewatch.rendering.json_rows import rows as rows_of
from gatewatch.rendering.text.labels import load_labels
from support import builders
from support.paths import ROOT


@pytest.fixture(scope="session")
def build():
    return builders


@pytest.fixture(scope="session")
def settings():
    return load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


@pytest.fixture(scope="session")
def results(settings):
    """Bytes -> everything replay makes of them, with a memory of their own."""

    def run(content, name="input"):
        stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
        return list(replay(documents(stream, name), Judge(settings, RecentRules())))

    return run


@pytest.fixture(scope="session")
def rows(results):
    """Documents -> rows, as `--format json` prints them; every document must be decodable."""
    english = load_labels(ROOT / "templates", "en")

    def run(*contents):
        found = results("".join(json.dumps(each) + "\n" for each in contents))
        assert not [each for each in found if isinstance(each, UndecodableError)]
        alerts = [each for each in found if isinstance(each, Alert)]
        return [_plain(row) for alert in alerts for row in rows_of(alert, english)]

    return run


def _plain(row):
    return msgspec.json.decode(msgspec.json.encode(row))


@pytest.fixture(scope="session")
def row(rows):
    """Documents -> the one row they give."""

    def run(*contents):
        (only,) = rows(*contents)
        return only

    return run


@pytest.fixture(scope="session")
def shows():
    """The part of a row that an expectation names."""

    def run(actual, **expected):
        assert {key: actual[key] for key in expected} == expected

    return run
