variable "stage_file" {
  description = "Path of deploy/STAGE.yaml; its name is the stage"
  type        = string
  validation {
    condition     = endswith(var.stage_file, ".yaml")
    error_message = "Write the path of a stage file, such as deploy/prod.yaml."
  }
}
