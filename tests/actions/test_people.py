"""Who a person is in AWS."""

from gatewatch.actions.people import person_in_slack, person_of_caller
from gatewatch.config.people import PersonEntry
from gatewatch.model.identity import canonical_identity

SSO = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/Alice@Example.com"
PEOPLE = (
    PersonEntry(("alice@example.com", "arn:aws:iam::111122223333:role/team/deploy"), slack="U0ALICE"),
    PersonEntry(("arn:aws:iam::111122223333:user/staff/Bob",), email="Bob@Example.com"),
    PersonEntry(("carol", "arn:aws:iam::111122223333:role/deploy"), slack="U0CAROL"),
)


def test_a_slack_user_is_mapped_by_user_id_or_by_address():
    assert "alice@example.com" in person_in_slack("U0ALICE", "a", "", PEOPLE).identities
    bob = person_in_slack("U0BOB", "b", "bob@example.com", PEOPLE)
    assert bob.identities == ("arn:aws:iam::111122223333:user/bob",)


def test_the_address_of_a_profile_does_not_take_the_place_of_a_user_id():
    people = (PersonEntry(("alice@example.com",), slack="U0ALICE", email="alice@example.com"),)
    assert person_in_slack("U0MALLORY", "m", "alice@example.com", people).identities == ()
    assert person_in_slack("U0ALICE", "a", "", people).identities == ("alice@example.com",)


def test_an_unknown_slack_user_has_no_identity_even_with_an_empty_address():
    assert person_in_slack("U0X", "x", "", PEOPLE).identities == ()


def test_a_caller_of_the_command_line_is_the_same_person_as_in_slack():
    caller = person_of_caller(SSO, PEOPLE)
    assert caller.id == "U0ALICE"
    assert set(caller.identities) == set(PEOPLE[0].identities)


def test_a_role_that_two_people_may_assume_names_nobody_and_counts_for_both():
    caller = person_of_caller("arn:aws:sts::111122223333:assumed-role/deploy/anything", PEOPLE)
    assert caller.id.startswith("arn:")
    assert caller.email == ""
    assert {"alice@example.com", "carol"} <= set(caller.identities)


def test_a_caller_who_is_not_listed_has_its_own_identity():
    caller = person_of_caller("arn:aws:iam::111122223333:user/eve", PEOPLE)
    assert caller.identities == ("arn:aws:iam::111122223333:user/eve",)


def test_an_identity_has_one_form_without_path_and_case():
    role = "arn:aws:iam::111122223333:role/deploy"
    assert canonical_identity("arn:aws:iam::111122223333:role/team/Deploy") == role
    assert canonical_identity("arn:aws:sts::111122223333:assumed-role/Deploy/session") == role
    assert canonical_identity(SSO) == "alice@example.com"
    assert canonical_identity("root") == "root"
