# The stacks of one account, in every Region of the stage file. The provider has credentials of that account.

module "stage" {
  source     = "../stage"
  stage_file = var.stage_file
}

locals {
  stacks = {
    for pair in setproduct(keys(module.stage.stacks), module.stage.regions) :
    "${pair[0]} ${pair[1]}" => { name = pair[0], region = pair[1] }
  }
}

resource "aws_cloudformation_stack" "this" {
  # checkov:skip=CKV_AWS_124: `gatewatch doctor` compares what is deployed, so nobody needs the events of the stacks
  for_each = local.stacks

  name          = each.value.name
  region        = each.value.region
  template_body = file(module.stage.stacks[each.value.name].template)
  parameters    = module.stage.stacks[each.value.name].parameters
  capabilities  = ["CAPABILITY_NAMED_IAM"]
}
