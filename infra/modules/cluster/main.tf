# What eksctl made, read and never changed: the VPC, its private subnets, and the nodes' security
# group. Whatever the caller knows already is not asked for.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

locals {
  ask_cluster = var.vpc_id == null || var.security_group_id == null
  ask_subnets = length(var.subnet_ids) == 0
  ask_vpc     = var.vpc_cidr == null

  # Splats and one(): what is not there is null here, and refused below by its name.
  networks          = flatten(data.aws_eks_cluster.this[*].vpc_config)
  vpc_id            = var.vpc_id != null ? var.vpc_id : one(local.networks[*].vpc_id)
  security_group_id = var.security_group_id != null ? var.security_group_id : one(local.networks[*].cluster_security_group_id)
  subnet_ids        = local.ask_subnets ? flatten(data.aws_subnets.private[*].ids) : var.subnet_ids
  vpc_cidr          = local.ask_vpc ? one(data.aws_vpc.this[*].cidr_block) : var.vpc_cidr
}

data "aws_eks_cluster" "this" {
  count = local.ask_cluster ? 1 : 0
  name  = var.cluster_name
}

data "aws_vpc" "this" {
  count = local.ask_vpc ? 1 : 0
  id    = local.vpc_id
}

data "aws_subnets" "private" {
  count = local.ask_subnets ? 1 : 0

  filter {
    name   = "vpc-id"
    values = [local.vpc_id]
  }
  # eksctl marks private subnets so, for internal load balancers.
  filter {
    name   = "tag:kubernetes.io/role/internal-elb"
    values = ["1"]
  }
}
