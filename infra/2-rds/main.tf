# Postgres in three zones: a Multi-AZ DB cluster, one writer and two that take over. What is committed
# is in two zones; a lost zone costs about half a minute.

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
  family  = "postgres${split(".", var.engine_version)[0]}"
}

resource "aws_kms_key" "database" {
  description             = "movies-r-us: the database, its backups and its administrator's password"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheAccountItself"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${local.account}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_alias" "database" {
  name          = "alias/${local.name}-database"
  target_key_id = aws_kms_key.database.key_id
}

resource "aws_db_subnet_group" "database" {
  name       = local.name
  subnet_ids = module.cluster.subnet_ids
}

resource "aws_security_group" "database" {
  name        = "${local.name}-database"
  description = "Postgres, for the cluster's pods alone"
  vpc_id      = module.cluster.vpc_id

  tags = { Name = "${local.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "Postgres from the cluster's nodes and pods"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = module.cluster.security_group_id
}

resource "aws_rds_cluster_parameter_group" "database" {
  name        = "${local.name}-${local.family}"
  family      = local.family
  description = "movies-r-us"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }
  # Statements are not logged as such: what sets a password is one of them. A migration, which is all
  # the DDL there is, stands in the log of its pod and in alembic_version.
  parameter {
    name  = "log_statement"
    value = "none"
  }
  # A worker that vanished in the middle of a transaction holds its locks no longer than this.
  parameter {
    name  = "idle_in_transaction_session_timeout"
    value = "300000"
  }
  # Searches over substrings have many entries to sort into their indexes.
  parameter {
    name  = "maintenance_work_mem"
    value = "524288"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# RDS makes these by itself where they are missing, and then keeps their lines for ever.
resource "aws_cloudwatch_log_group" "database" {
  for_each = toset(["postgresql", "upgrade"])

  name              = "/aws/rds/cluster/${local.name}/${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_rds_cluster" "database" {
  cluster_identifier = local.name
  engine             = "postgres"
  engine_version     = var.engine_version

  # These two make it a Multi-AZ DB cluster, in the three zones of its subnets.
  db_cluster_instance_class = var.instance_class
  allocated_storage         = var.storage_gb
  storage_type              = "gp3"
  storage_encrypted         = true
  kms_key_id                = aws_kms_key.database.arn

  db_subnet_group_name            = aws_db_subnet_group.database.name
  vpc_security_group_ids          = [aws_security_group.database.id]
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.database.name

  # RDS makes the administrator's password, keeps it in Secrets Manager, and changes it every week.
  master_username                     = "mru_admin"
  manage_master_user_password         = true
  iam_database_authentication_enabled = false

  backup_retention_period      = var.backup_days
  preferred_backup_window      = "02:00-03:00"
  preferred_maintenance_window = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot        = true
  delete_automated_backups     = false
  deletion_protection          = true
  skip_final_snapshot          = false
  final_snapshot_identifier    = "${local.name}-final"
  auto_minor_version_upgrade   = true
  apply_immediately            = false

  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]

  performance_insights_enabled          = true
  performance_insights_kms_key_id       = aws_kms_key.database.arn
  performance_insights_retention_period = 7

  depends_on = [aws_cloudwatch_log_group.database]

  lifecycle {
    precondition {
      condition     = length(module.cluster.subnet_ids) >= 3
      error_message = "A Multi-AZ DB cluster needs subnets in three zones."
    }
  }
}

# Empty: fill_secrets.py gives each a value, so that none ever stands in a state or a plan.
resource "aws_secretsmanager_secret" "role" {
  for_each = toset(["migrator", "worker", "api"])

  name                    = "${local.name}/database/${each.key}"
  description             = "The password of the role mru_${each.key}"
  recovery_window_in_days = 7
}
