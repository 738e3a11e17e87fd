# What the cluster's network needs beside what eksctl makes: ways to AWS that stay inside the VPC.
# S3's is free and saves the NAT gateways' fee for every byte of every file.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  # One state for each folder. Where it is kept is told by `terraform init -backend-config=...`.
  backend "s3" {}
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { project = "movies-r-us" }
  }
}

module "cluster" {
  source = "../modules/cluster"

  cluster_name      = var.cluster_name
  vpc_id            = var.vpc_id
  vpc_cidr          = var.vpc_cidr
  subnet_ids        = var.subnet_ids
  security_group_id = var.security_group_id
}

locals {
  route_table_ids = length(var.route_table_ids) > 0 ? var.route_table_ids : distinct(data.aws_route_table.private[*].id)
}

data "aws_route_table" "private" {
  count     = length(var.route_table_ids) > 0 ? 0 : length(module.cluster.subnet_ids)
  subnet_id = module.cluster.subnet_ids[count.index]
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = module.cluster.vpc_id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = local.route_table_ids

  tags = { Name = "movies-r-us-s3" }

  lifecycle {
    precondition {
      condition     = length(module.cluster.subnet_ids) >= 3
      error_message = "Fewer than three private subnets: one in each zone is needed."
    }
  }
}

resource "aws_security_group" "endpoints" {
  name        = "movies-r-us-endpoints"
  description = "AWS services, asked from inside the VPC"
  vpc_id      = module.cluster.vpc_id

  tags = { Name = "movies-r-us-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id = aws_security_group.endpoints.id
  description       = "HTTPS from the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = module.cluster.vpc_cidr
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = module.cluster.vpc_id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = module.cluster.subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true

  tags = { Name = "movies-r-us-${each.key}" }
}
