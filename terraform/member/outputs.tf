output "stack_ids" {
  description = "The ids of the stacks, by name and Region"
  value       = { for key, stack in aws_cloudformation_stack.this : key => stack.id }
}
