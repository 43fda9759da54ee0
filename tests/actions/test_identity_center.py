"""Users of IAM Identity Center by their e-mail address."""

import logging

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from gatewatch.actions.identity_center import NO_USER, NOT_READABLE, IdentityCenter

STORE, USER_ID = "d-1234567890", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"


class Store:
    """A stubbed client of the identity store, and the lookup on it."""

    def __init__(self):
        self.now, self.connections, self.error = 0.0, 0, None
        client = Session().create_client("identitystore", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        self.client, self.stub = client, Stubber(client)
        self.stub.activate()
        self.users = IdentityCenter(self._connect, STORE, lambda: self.now, logging.getLogger("test"))

    def _connect(self):
        self.connections += 1
        if self.error:
            raise self.error
        return self.client

    def expect(self, email, user=None, code="ResourceNotFoundException"):
        """One request for an address, answered with a user or an error."""
        attribute = {"AttributePath": "emails.value", "AttributeValue": email}
        asked = {"IdentityStoreId": STORE, "AlternateIdentifier": {"UniqueAttribute": attribute}}
        if user is None:
            self.stub.add_client_error("get_user_id", code, expected_params=asked)
            return
        ids = {"IdentityStoreId": STORE, "UserId": USER_ID}
        required = ids | {"UserArn": f"arn:aws:identitystore:::user/{USER_ID}"}
        self.stub.add_response("get_user_id", required, asked)
        found = required | user
        self.stub.add_response("describe_user", found | {"Revision": "1"}, ids)


@pytest.fixture
def store():
    return Store()


def user(*emails, name="alice", **fields):
    addresses = {"Emails": [{"Value": each} for each in emails]} if emails else {}
    return {"UserName": name, **addresses, **fields}


def test_a_user_is_found_by_the_address_in_any_case(store):
    store.expect("Alice@Example.com")
    store.expect("alice@example.com", user("ALICE@example.com", name="alice.a"))
    assert store.users.find("Alice@Example.com").name == "alice.a"
    store.stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("email", "found"),
    [
        ("alice@example.com", user("alice@example.org")),
        ("alice@example.com", user("alice")),
        ("alice@example.com", user("alice@example.com.evil.example")),
        ("alice@example.com", user()),
        ("alice@example.com", user("alice@example.com", UserStatus="DISABLED")),
        ("alice@example.com", {"Emails": [{"Value": "alice@example.com"}]}),
    ],
)
def test_only_the_whole_address_of_an_enabled_user_counts(store, email, found):
    store.expect(email, found)
    assert store.users.find(email).problem == NO_USER


@pytest.mark.parametrize("email", ["", "alice", "a b@example.com", "alice@exámple.com", "stra\u00dfe@example.com"])
def test_a_text_that_is_no_plain_address_asks_nothing(store, email):
    assert store.users.find(email).problem == NO_USER
    assert store.connections == 0


def test_an_address_without_a_user_is_asked_again_after_a_minute(store):
    for _ in range(2):
        store.expect("eve@example.com")
    for now in (0.0, 59.0, 60.0):
        store.now = now
        assert store.users.find("eve@example.com").problem == NO_USER
    store.stub.assert_no_pending_responses()


def test_a_user_who_was_found_is_asked_each_time_so_that_a_disabled_one_counts_at_once(store):
    store.expect("alice@example.com", user("alice@example.com"))
    store.expect("alice@example.com", user("alice@example.com", UserStatus="DISABLED"))
    assert [store.users.find("alice@example.com").problem for _ in range(2)] == ["", NO_USER]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "ValidationException"])
def test_a_store_that_cannot_be_read_maps_nobody_and_is_asked_again_after_a_minute(store, caplog, code):
    store.expect("alice@example.com", code=code)
    for _ in range(2):
        assert store.users.find("alice@example.com").problem == NOT_READABLE
    store.now = 60.0
    store.expect("alice@example.com", user("alice@example.com"))
    assert store.users.find("alice@example.com").name == "alice"
    assert [each.reason for each in caplog.records] == [code]


def test_the_cache_does_not_grow_without_bound(store):
    store.error = None
    for number in range(1500):
        store.expect(f"u{number}@example.com")
        store.users.find(f"u{number}@example.com")
    assert len(store.users._not_found) <= 1000  # noqa: SLF001  the bound is about memory, which nothing else shows
