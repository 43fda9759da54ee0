"""The table of fields in docs/security.md is that of `gatewatch explain`."""

from gatewatch.cli.record_fields import RECORD_FIELDS, Writer, fields_of, markdown_table
from support.paths import ROOT


def test_the_table_of_the_document_is_that_of_the_command():
    assert markdown_table() in (ROOT / "docs" / "security.md").read_text("utf-8")


def test_a_field_that_is_only_shown_is_written_by_the_caller():
    assert {each.writer for each in RECORD_FIELDS if not each.decides} == {Writer.CALLER}
    assert {each.path for each in RECORD_FIELDS if each.writer is Writer.CALLER and each.decides} == {
        "requestParameters"
    }


def test_only_the_fields_that_a_record_has_are_listed():
    record = {"eventName": "x", "userAgent": "y", "userIdentity": {"type": "Root", "invokedBy": ""}}
    assert [each.path for each in fields_of(record, decides=True)] == ["eventName", "userIdentity.type"]
    assert [each.path for each in fields_of(record, decides=False)] == ["userAgent"]
