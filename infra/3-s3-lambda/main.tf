# The bucket, the notifier that its events run, and what the pods may do with the bucket (step 6).

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  backend "s3" {}
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { project = "movies-r-us" }
  }
}

data "aws_caller_identity" "current" {}

module "cluster" {
  source = "../modules/cluster"

  cluster_name      = var.cluster_name
  vpc_id            = var.vpc_id
  vpc_cidr          = var.vpc_cidr
  subnet_ids        = var.subnet_ids
  security_group_id = var.security_group_id
}

locals {
  name    = "movies-r-us"
  account = var.account_id != null ? var.account_id : data.aws_caller_identity.current.account_id
  bucket  = var.bucket_name != null ? var.bucket_name : "${local.name}-${local.account}-${var.region}"

  # Written out, so that a plan shows policies whole.
  bucket_arn   = "arn:aws:s3:::${local.bucket}"
  function     = "${local.name}-notifier"
  function_arn = "arn:aws:lambda:${var.region}:${local.account}:function:${local.function}"
  lost_arn     = "arn:aws:sqs:${var.region}:${local.account}:${local.function}-lost"
}
