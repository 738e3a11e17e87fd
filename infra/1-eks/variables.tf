variable "region" {
  description = "The region; the same as in config.yml."
  type        = string
  default     = "eu-west-1"
}

variable "cluster_name" {
  description = "The cluster's name, as in config.yml."
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
  description = "Private subnets, one in each zone; read by their tags where they are not given."
  type        = list(string)
  default     = []
}

variable "security_group_id" {
  description = "The cluster's security group; read from the cluster where it is not given."
  type        = string
  default     = null
}

variable "route_table_ids" {
  description = "The route tables of the private subnets; read from those where they are not given."
  type        = list(string)
  default     = []
}

variable "interface_endpoints" {
  description = "AWS services to be reached inside the VPC. Each costs for every zone and hour; without them the NAT gateways do it."
  type        = set(string)
  default     = ["sqs", "secretsmanager", "sts", "ecr.api", "ecr.dkr", "logs", "kms"]
}
