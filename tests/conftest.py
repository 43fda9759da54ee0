"""Fixtures of several test files: builders of records, and the pipeline from documents to rows."""

import io
import json
import os

import botocore.loaders
import botocore.session
import msgspec
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.replay import replay_documents
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.settings import load_settings
from gatewatch.errors import UndecodableError
from gatewatch.events.files import read_documents
from gatewatch.model.alert import Alert
from gatewatch.rendering.json_rows import rows as rows_of
from gatewatch.rendering.text.labels import load_labels
from support import builders, judges
from support.paths import ROOT

_COMMON = {
    "deadline": None,
    "database": None,
    "derandomize": True,  # the same examples on every machine
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
}
hypothesis_settings.register_profile("short", max_examples=30, **_COMMON)
hypothesis_settings.register_profile("long", max_examples=500, **_COMMON)
hypothesis_settings.load_profile("short")

# No test needs the default AMIs, and moto takes a tenth of a second to load them into each new EC2 backend.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"


def pytest_addoption(parser):
    parser.addoption("--judges", action="store_true", help="print the number of decisions of each judge")


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--judges"):
        terminalreporter.section("decisions of the judges")
        terminalreporter.write_line("\n".join(judges.lines()))


def pytest_sessionfinish(session):
    if session.config.getoption("--judges") and not session.exitstatus and judges.missing():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def _shared_service_models():
    """All sessions share one loader, so that each service model of AWS is parsed once per process."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda *_: loader)
        yield


@pytest.fixture(scope="session")
def build():
    return builders


@pytest.fixture(scope="session")
def settings():
    return load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


@pytest.fixture(scope="session")
def results(settings):
    """A function from bytes to all results of replay, with a new rule history for each call."""

    def run(content, name="input"):
        stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
        return list(replay_documents(read_documents(stream, name), Assessor(settings, InMemoryRuleHistory())))

    return run


@pytest.fixture(scope="session")
def rows(results):
    """A function from documents to rows, as `--format json` prints them; fails for undecodable documents."""
    english = load_labels(ROOT / "templates", "en")

    def run(*contents):
        found = results("".join(json.dumps(each) + "\n" for each in contents))
        assert not [each for each in found if isinstance(each, UndecodableError)]
        alerts = [each for each in found if isinstance(each, Alert)]
        return [_decoded_row(row) for alert in alerts for row in rows_of(alert, english)]

    return run


def _decoded_row(row):
    return msgspec.json.decode(msgspec.json.encode(row))


@pytest.fixture(scope="session")
def row(rows):
    """A function from documents to their only row."""

    def run(*contents):
        (only,) = rows(*contents)
        return only

    return run


@pytest.fixture(scope="session")
def shows():
    """Asserts the given fields of a row."""

    def run(actual, **expected):
        assert {key: actual[key] for key in expected} == expected

    return run
