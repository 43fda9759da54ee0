variable "stage_file" {
  description = "Path of deploy/STAGE.yaml; its name is the stage"
  type        = string
}

variable "deployer_role" {
  description = "Name of the role that runs `make deploy`; the policies are attached to it. Empty attaches them to none"
  type        = string
  default     = ""
}
