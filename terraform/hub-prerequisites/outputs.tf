output "stack_id" {
  description = "The id of the stack with the managed policies"
  value       = aws_cloudformation_stack.deployer.id
}
