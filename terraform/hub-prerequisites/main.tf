# What the monitoring account needs before `make deploy`: the permissions of the role that runs it, as managed policies.
# The provider has credentials of the monitoring account that may create IAM policies.

module "stage" {
  source     = "../stage"
  stage_file = var.stage_file
}

resource "aws_cloudformation_stack" "deployer" {
  # checkov:skip=CKV_AWS_124: the stack changes only when these policies do, and then Terraform says so
  name          = "gatewatch-${module.stage.name}-deployer"
  region        = module.stage.hub.region
  template_body = file("${path.module}/../../eventbridge/deployer.yaml")
  parameters    = { Stage = module.stage.name, Hub = "true" }
  capabilities  = ["CAPABILITY_NAMED_IAM"]
}

resource "aws_iam_role_policy_attachment" "deployer" {
  for_each = toset(var.deployer_role == "" ? [] : ["stacks", "hub", "stack-sets"])

  role       = var.deployer_role
  policy_arn = "arn:${module.stage.partition}:iam::${module.stage.hub.account}:policy/gatewatch-${module.stage.name}-deploy-${each.key}"
  depends_on = [aws_cloudformation_stack.deployer]
}
