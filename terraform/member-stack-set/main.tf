# The stacks of an organization as StackSets. The provider has credentials of the monitoring account, which is a
# delegated administrator of StackSets, and its Region is that of the hub.

module "stage" {
  source     = "../stage"
  stage_file = var.stage_file
}

resource "aws_cloudformation_stack_set" "this" {
  for_each = module.stage.stacks

  name             = each.key
  template_body    = file(each.value.template)
  parameters       = each.value.parameters
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  permission_model = "SERVICE_MANAGED"
  call_as          = "DELEGATED_ADMIN"

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }
  operation_preferences {
    failure_tolerance_percentage = 10
    max_concurrent_percentage    = 50
    region_concurrency_type      = "PARALLEL"
  }
  lifecycle {
    ignore_changes = [administration_role_arn] # AWS sets it with service-managed permissions
  }
}

resource "aws_cloudformation_stack_instances" "this" {
  for_each = module.stage.stacks

  stack_set_name = aws_cloudformation_stack_set.this[each.key].name
  regions        = module.stage.regions
  call_as        = "DELEGATED_ADMIN"

  deployment_targets {
    organizational_unit_ids = module.stage.organizational_units
    account_filter_type     = "DIFFERENCE" # the monitoring account has stacks of its own
    accounts                = [module.stage.hub.account]
  }
  operation_preferences {
    failure_tolerance_percentage = 10
    max_concurrent_percentage    = 50
    region_concurrency_type      = "PARALLEL"
  }
}
