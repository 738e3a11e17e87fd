variable "region" {
  description = "The region."
  type        = string
  default     = "eu-west-1"
}

variable "account_id" {
  description = "The account; that of the credentials where it is not given."
  type        = string
  default     = null
}

variable "cluster_name" {
  description = "The cluster's name."
  type        = string
  default     = "movies-r-us-cluster"
}

variable "namespace" {
  description = "The namespace of the release."
  type        = string
  default     = "movies-r-us"
}

variable "release" {
  description = "What the chart's objects are called: the release's name, if that contains movies-r-us."
  type        = string
  default     = "movies-r-us"
}

variable "task_seconds" {
  description = "How long an import may take. It is killed 30 seconds later."
  type        = number
  default     = 600

  validation {
    condition     = var.task_seconds >= 10 && var.task_seconds <= 36000
    error_message = "From 10 to 36000 seconds."
  }
}

variable "visibility_seconds" {
  description = "How long a message that was taken stays hidden, for whoever does not say how long: longer than any import. Our worker says (the chart's worker.visibilitySeconds)."
  type        = number
  default     = 720

  validation {
    condition     = var.visibility_seconds > var.task_seconds + 30 && var.visibility_seconds <= 43200
    error_message = "Longer than an import may take (task_seconds and 30), or a second worker would begin it beside the first; at most 43200."
  }
}

variable "max_receives" {
  description = "After how many tries a message goes to the dead-letter queue. Deployments and lost nodes use up tries too."
  type        = number
  default     = 10

  validation {
    condition     = var.max_receives >= 5 && var.max_receives <= 1000
    error_message = "From 5 to 1000."
  }
}

variable "oldest_message_seconds_alarm" {
  description = "An import that waits longer than this is an alarm."
  type        = number
  default     = 900
}

variable "alarm_topic_arn" {
  description = "Where alarms go: 2-rds makes a topic."
  type        = string
  default     = null
}
