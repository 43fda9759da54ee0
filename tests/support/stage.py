"""A stage file with every feature switched on."""

from pathlib import Path

STAGE = """
hub:
  account: "999988887777"
  region: ap-northeast-2
  organization: o-a1b2c3d4e5
  accounts: ["111122223333"]
  secrets_key: arn:aws:kms:ap-northeast-2:999988887777:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9
  alerts_email: alerts@example.com
  operators_email: operators@example.com
  chat_workspace: T0123456789
  chat_channel: C0123456789
  digest_from: gatewatch@example.com
  identity_store_role: arn:aws:iam::666677778888:role/gatewatch/gatewatch-identity-store
  event_buses: [arn:aws:events:ap-northeast-2:555566667777:event-bus/security]
members:
  regions: [us-east-1, ap-northeast-2]
  organizational_units: [r-ab12]
  doctor_role: arn:aws:iam::999988887777:role/ops-*
  lookups: true
  remediation: true
  key_rotation: true
compliance:
  rules: true
"""


def write_stage(folder: Path, text: str = STAGE) -> Path:
    """Write deploy/prod.yaml; return the configuration folder."""
    (folder / "deploy").mkdir(exist_ok=True)
    (folder / "deploy" / "prod.yaml").write_text(text, "utf-8")
    return folder
