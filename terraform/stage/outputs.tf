output "hub" {
  description = "Account, Region and organization of the hub"
  value       = local.hub
}

output "regions" {
  description = "The Regions that are monitored"
  value       = local.members.regions
}

output "organizational_units" {
  description = "The organizational units that get the StackSets"
  value       = local.members.organizational_units
}

output "stacks" {
  description = "The stacks of every member by name: path of the template, and all of its parameters"
  value = merge(
    { gatewatch-member = local.member },
    local.compliance.recorder ? { gatewatch-recorder = local.recorder } : {},
    local.compliance.rules ? { gatewatch-rules = local.rules } : {},
  )
  precondition {
    condition     = length(local.unknown) == 0
    error_message = "The stage file has unknown keys: ${join(", ", local.unknown)}. docs/deploy.md has every key."
  }
}

output "name" {
  description = "The stage"
  value       = local.name
}

output "partition" {
  description = "The partition of the hub's Region, such as aws or aws-cn"
  value       = local.partition
}
