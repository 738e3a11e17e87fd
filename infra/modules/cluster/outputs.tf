output "vpc_id" {
  description = "The VPC."
  value       = local.vpc_id
}

output "vpc_cidr" {
  description = "The VPC's addresses."
  value       = local.vpc_cidr
}

output "subnet_ids" {
  description = "The private subnets."
  value       = local.subnet_ids
}

output "security_group_id" {
  description = "The security group of the cluster's nodes and pods."
  value       = local.security_group_id
}
