variable "kubeconfig" {
  description = "Which cluster: a kubeconfig file."
  type        = string
  default     = "~/.kube/config"
}

variable "namespace" {
  description = "Where everything goes; the values files name services in it."
  type        = string
  default     = "lakelet"
}

variable "postgres_host" {
  description = "A PostgreSQL with the databases airbyte and superset, owned by roles of these names."
  type        = string
}

variable "postgres_passwords" {
  description = "Of the roles airbyte and superset."
  type        = map(string)
  sensitive   = true
}

variable "charts" {
  description = "Where each chart is (deploy/helm/charts.yaml); a path takes one from a folder."
  type        = map(object({ repository = optional(string), chart = string, version = optional(string) }))
  default     = {}
}
