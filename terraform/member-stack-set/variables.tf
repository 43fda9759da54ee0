variable "stage_file" {
  description = "Path of deploy/STAGE.yaml; its name is the stage"
  type        = string
}
