import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gatewatch.aws.clients import Aws
from gatewatch.config.destinations import SecretRef
from gatewatch.delivery.secrets import SecretStore
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud

SECRET = "https://hooks.slack.example/services/T0/B0/sEcReT"
PARAMETER, OF_MANAGER = SecretRef(ssm="/gatewatch/slack/sec-all"), SecretRef(secret="gatewatch/slack")


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        session = cloud.session(HUB_ACCOUNT, HUB_REGION)
        session.client("ssm").put_parameter(Name=PARAMETER.ssm, Value=SECRET, Type="SecureString")
        session.client("secretsmanager").create_secret(Name=OF_MANAGER.secret, SecretString=SECRET)
        session.client("secretsmanager").create_secret(Name="binary", SecretBinary=b"\x00")
        yield cloud


@pytest.fixture
def store(cloud):
    return SecretStore(Aws(cloud.session(HUB_ACCOUNT, HUB_REGION)))


class Answers:
    """An SSM, or a Secrets Manager, that gives its answers one by one and counts the questions."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.ssm = self.secretsmanager = self
        self.asked = 0

    def get_parameter(self, *, Name, WithDecryption):  # noqa: N803  the names are those of AWS
        assert Name
        assert WithDecryption
        return {"Parameter": {"Value": self._next()}}

    def get_secret_value(self, *, SecretId):  # noqa: N803
        assert SecretId
        return {"SecretString": self._next()}

    def _next(self):
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("ref", [PARAMETER, OF_MANAGER], ids=["ssm", "secrets manager"])
def test_a_secret_is_decrypted(store, ref):
    assert store.get(ref) == SECRET


@pytest.mark.parametrize("ref", [SecretRef(ssm="/nowhere"), SecretRef(secret="nowhere"), SecretRef(secret="binary")])
def test_a_missing_secret_is_a_permanent_error(store, ref):
    with pytest.raises(PermanentDeliveryError, match=f"the secret {ref.ssm or ref.secret}"):
        store.get(ref)


@pytest.mark.parametrize("ref", [PARAMETER, OF_MANAGER])
def test_a_secret_is_cached_until_a_refresh_is_requested(ref):
    aws = Answers("one", "two")
    store = SecretStore(aws)
    assert [store.get(ref), store.get(ref)] == ["one", "one"]
    assert [store.get(ref, fresh=True), store.get(ref)] == ["two", "two"]
    assert aws.asked == 2


def test_a_failed_refresh_keeps_the_cached_secret():
    store = SecretStore(Answers("one", throttled(), "two"))
    store.get(PARAMETER)
    with pytest.raises(TransientDeliveryError):
        store.get(PARAMETER, fresh=True)
    assert store.get(PARAMETER) == "one"


def throttled():
    return ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParameter")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (throttled(), TransientDeliveryError),
        (ClientError({"Error": {"Code": "InternalServerError"}}, "GetParameter"), TransientDeliveryError),
        (EndpointConnectionError(endpoint_url="https://ssm.example"), TransientDeliveryError),
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": SECRET}}, "G"), PermanentDeliveryError),
        (ClientError({"Error": {"Code": "InvalidKeyId"}}, "GetParameter"), PermanentDeliveryError),
        (ClientError({"Error": {"Code": "DecryptionFailure"}}, "GetSecretValue"), PermanentDeliveryError),
    ],
)
def test_a_failed_read_is_transient_or_permanent_and_shows_no_secret(error, kind):
    with pytest.raises(kind, match="the secret /gatewatch/slack/sec-all cannot be read") as caught:
        SecretStore(Answers(error)).get(PARAMETER)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__
