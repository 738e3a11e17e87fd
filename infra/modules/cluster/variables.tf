variable "cluster_name" {
  description = "The cluster that eksctl made."
  type        = string
}

variable "vpc_id" {
  description = "Its VPC; read from the cluster where it is not given."
  type        = string
  default     = null
}

variable "vpc_cidr" {
  description = "The VPC's addresses; read from the VPC where they are not given."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Its private subnets, one in each of three zones; read by their tags where they are not given."
  type        = list(string)
  default     = []
}

variable "security_group_id" {
  description = "The security group of its nodes and pods; read from the cluster where it is not given."
  type        = string
  default     = null
}
