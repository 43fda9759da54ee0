# An organization: the monitoring account is registered for StackSets, gets the permissions to deploy the hub, and
# deploys the StackSets; it is a member of its own hub as well. A StackSet does not include the management account.

variable "stage_file" {
  description = "Path of deploy/STAGE.yaml"
  type        = string
}

variable "management_profile" {
  description = "Profile of the AWS CLI with credentials of the management account"
  type        = string
}

variable "monitoring_profile" {
  description = "Profile of the AWS CLI with credentials of the monitoring account"
  type        = string
}

variable "deployer_role" {
  description = "Name of the role in the monitoring account that runs `make deploy`"
  type        = string
  default     = ""
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
  alias   = "management"
  region  = "us-east-1"
  profile = var.management_profile
}

provider "aws" {
  region  = module.stage.hub.region
  profile = var.monitoring_profile
}

module "stage" {
  source     = "../../stage"
  stage_file = var.stage_file
}

resource "aws_organizations_delegated_administrator" "stack_sets" {
  provider = aws.management

  account_id        = module.stage.hub.account
  service_principal = "member.org.stacksets.cloudformation.amazonaws.com"
}


module "hub_prerequisites" {
  source        = "../../hub-prerequisites"
  stage_file    = var.stage_file
  deployer_role = var.deployer_role
}

module "member_stack_set" {
  source     = "../../member-stack-set"
  stage_file = var.stage_file
  depends_on = [aws_organizations_delegated_administrator.stack_sets]
}

module "monitoring_account" {
  source     = "../../member"
  stage_file = var.stage_file
}
