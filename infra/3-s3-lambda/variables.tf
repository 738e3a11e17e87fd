variable "movies_r_us_notify_api_url" {
  description = "The API's address, as the notifier reaches it from inside the VPC."
  type        = string

  validation {
    condition     = can(regex("^https?://[^/ ]+", var.movies_r_us_notify_api_url))
    error_message = "An http or https URL."
  }
}

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

variable "vpc_id" {
  description = "The cluster's VPC; read from the cluster where it is not given."
  type        = string
  default     = null
}

variable "vpc_cidr" {
  description = "The VPC's addresses; read from it where they are not given."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Private subnets in three zones; read by their tags where they are not given."
  type        = list(string)
  default     = []
}

variable "security_group_id" {
  description = "The security group of the cluster's pods; read from the cluster where it is not given."
  type        = string
  default     = null
}

variable "bucket_name" {
  description = "The bucket; movies-r-us-ACCOUNT-REGION where it is not given, as the chart is told by 3-queue."
  type        = string
  default     = null
}

variable "allow_post_movies" {
  description = "Whether the API may put what is posted to /movies into the bucket: api.allowPostMovies of the chart."
  type        = bool
  default     = false
}

variable "archive" {
  description = "The notifier's zip: make notifier"
  type        = string
  default     = "../../build/notifier.zip"
}

variable "concurrency" {
  description = "How many notifiers run at a time: a bound for the API, not a goal."
  type        = number
  default     = 20
}

variable "log_retention_days" {
  description = "How long the notifier's log is kept."
  type        = number
  default     = 90
}

variable "notification_secret_arn" {
  description = "The secret to sign with, from 3-queue."
  type        = string
}

variable "role_names" {
  description = "The pods' roles, from 3-queue."
  type        = object({ api = string, worker = string, operator = string })
}

variable "alarm_topic_arn" {
  description = "Where alarms go: 2-rds makes a topic."
  type        = string
  default     = null
}
