# The stacks of one account, with credentials of that account. Terraform and the repository are in one checkout here;
# elsewhere `source` is the Git address of the repository with "//terraform/member" and the version.

variable "stage_file" {
  description = "Path of deploy/STAGE.yaml"
  type        = string
}

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

module "gatewatch_member" {
  source     = "../../member"
  stage_file = var.stage_file
}

output "stack_ids" {
  description = "The ids of the stacks, by name and Region"
  value       = module.gatewatch_member.stack_ids
}
