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

variable "engine_version" {
  description = "The major version of Postgres: RDS chooses the minor one, and installs newer ones by itself."
  type        = string
  default     = "18"

  validation {
    # A minor version here would be undone by RDS' own upgrades, and then fail each apply.
    condition     = can(regex("^[0-9]+$", var.engine_version)) && tonumber(split(".", var.engine_version)[0]) >= 17
    error_message = "A major version of Postgres alone, 17 or later: 18, not 18.1."
  }
}

variable "instance_class" {
  description = "Of each of the three; those of Multi-AZ DB clusters: db.m6gd, db.r6gd, db.m5d, ..."
  type        = string
  default     = "db.m6gd.large"
}

variable "storage_gb" {
  description = "Of each of the three; docs/capacity.md says how much movies need."
  type        = number
  default     = 100
}

variable "backup_days" {
  description = "How far back the database can be restored to any second."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 7
    error_message = "At least a week."
  }
}

variable "log_retention_days" {
  description = "How long the database's logs are kept."
  type        = number
  default     = 90
}

variable "max_connections_alarm" {
  description = "More connections than this are an alarm; db.m6gd.large takes about 850."
  type        = number
  default     = 600
}
