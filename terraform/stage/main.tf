# The parameters of a stage file, as `gatewatch members plan` computes them. A test compares the two.

locals {
  file = yamldecode(file(var.stage_file))
  name = trimsuffix(basename(var.stage_file), ".yaml")

  defaults = {
    hub = {
      account      = ""
      region       = ""
      organization = ""
    }
    members = {
      regions              = []
      organizational_units = []
      canary_schedule      = "rate(15 minutes)"
      not_forwarded        = []
      doctor_role          = ""
      forwarding_check     = true
      lookups              = false
      remediation          = false
      key_rotation         = false
    }
    compliance = {
      recorder              = false
      recorder_bucket       = ""
      ingress               = false
      code_bucket           = ""
      code_key              = ""
      accepted_authorities  = ""
      excluded_accounts     = []
      pack                  = ""
      aggregator            = false
      rules                 = false
      remediation           = "manual"
      access_key_age        = 90
      blocked_ports         = [22, 3389, 3306]
      authorized_tcp_ports  = "80,443"
      bucket_control_policy = ""
    }
  }
  hub        = merge(local.defaults.hub, local.file.hub)
  members    = merge(local.defaults.members, local.file.members)
  compliance = merge(local.defaults.compliance, try(local.file.compliance, null))
  unknown = concat(
    tolist(setsubtract(keys(local.file), keys(local.defaults))),
    tolist(setsubtract(keys(local.members), keys(local.defaults.members))),
    tolist(setsubtract(keys(local.compliance), keys(local.defaults.compliance))),
  )

  region = local.hub.region
  partition = (
    startswith(local.region, "cn-") ? "aws-cn" :
    startswith(local.region, "us-gov-") ? "aws-us-gov" :
    startswith(local.region, "eusc-") ? "aws-eusc" :
    startswith(local.region, "us-isob-") ? "aws-iso-b" :
    startswith(local.region, "us-isof-") ? "aws-iso-f" :
    startswith(local.region, "eu-isoe-") ? "aws-iso-e" :
    startswith(local.region, "us-iso-") ? "aws-iso" : "aws"
  )
  hub_stack = "gatewatch-${local.name}"
  roles     = "arn:${local.partition}:iam::${local.hub.account}:role"
  switches = {
    for family in ["attachment", "network", "public_access", "organization", "detection"] :
    "Forward${replace(title(replace(family, "_", " ")), " ", "")}" => tostring(!contains(local.members.not_forwarded, family))
  }

  member = {
    template = "${path.module}/../../eventbridge/member.yaml"
    parameters = merge(local.switches, {
      HubBusArn              = "arn:${local.partition}:events:${local.region}:${local.hub.account}:event-bus/${local.hub_stack}"
      CanarySchedule         = local.members.canary_schedule
      OrganizationId         = local.hub.organization
      DoctorRoleArn          = local.members.doctor_role
      ForwardingCheckRoleArn = local.members.forwarding_check ? "${local.roles}/${local.hub_stack}-HeartbeatRole-*" : ""
      RemediationRoleArn     = local.members.remediation ? "${local.roles}/gatewatch/${local.hub_stack}-config-rule-*" : ""
      KeyRotationRoleArn     = local.members.key_rotation ? "${local.roles}/${local.hub_stack}-AccessKeysRole-*" : ""
      LookupRoleArn          = local.members.lookups ? "${local.roles}/${local.hub_stack}-AlertRole-*" : ""
      SweepRoleArn           = local.members.lookups ? "${local.roles}/${local.hub_stack}-SweepRole-*" : ""
    })
  }
  recorder = {
    template = "${path.module}/../../compliance/recorder.yaml"
    parameters = {
      BucketName = local.compliance.recorder_bucket
      HomeRegion = local.members.regions[0]
    }
  }
  rules = {
    template = "${path.module}/../../compliance/rules.yaml"
    parameters = {
      Remediation         = local.compliance.remediation
      HomeRegion          = local.members.regions[0]
      AccessKeyAge        = tostring(local.compliance.access_key_age)
      BlockedPort1        = tostring(local.compliance.blocked_ports[0])
      BlockedPort2        = tostring(local.compliance.blocked_ports[1])
      BlockedPort3        = tostring(local.compliance.blocked_ports[2])
      AuthorizedTcpPorts  = local.compliance.authorized_tcp_ports
      BucketControlPolicy = local.compliance.bucket_control_policy
    }
  }
}
