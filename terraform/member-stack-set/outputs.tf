output "stack_set_ids" {
  description = "The ids of the StackSets by name"
  value       = { for name, stack_set in aws_cloudformation_stack_set.this : name => stack_set.id }
}
