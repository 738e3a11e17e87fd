mock_provider "aws" {}

variables {
  vpc_id            = "vpc-0123456789abcdef0"
  vpc_cidr          = "10.42.0.0/16"
  subnet_ids        = ["subnet-0a", "subnet-0b", "subnet-0c"]
  security_group_id = "sg-0123456789abcdef0"
  account_id        = "123456789012"
}

run "three_zones" {
  command = plan

  assert {
    condition     = length(aws_db_subnet_group.database.subnet_ids) == 3
    error_message = "The database must be in three zones."
  }
  assert {
    condition     = aws_rds_cluster.database.db_cluster_instance_class != null && aws_rds_cluster.database.storage_encrypted
    error_message = "A Multi-AZ DB cluster, encrypted."
  }
}

run "nothing_is_lost_by_mistake" {
  command = plan

  assert {
    condition     = aws_rds_cluster.database.deletion_protection && !aws_rds_cluster.database.skip_final_snapshot
    error_message = "It must not be deleted, and not without a last snapshot."
  }
  assert {
    condition     = aws_rds_cluster.database.backup_retention_period >= 7
    error_message = "It must be restorable to any second of a week."
  }
}

run "no_password_is_ours" {
  command = plan

  assert {
    condition     = aws_rds_cluster.database.manage_master_user_password && aws_rds_cluster.database.master_password == null
    error_message = "RDS makes the password."
  }
}

run "the_log_has_no_statements_and_an_end" {
  command = plan

  assert {
    condition     = one([for each in aws_rds_cluster_parameter_group.database.parameter : each.value if each.name == "log_statement"]) == "none"
    error_message = "A logged statement may set a password."
  }
  assert {
    condition     = aws_cloudwatch_log_group.database["postgresql"].name == "/aws/rds/cluster/movies-r-us/postgresql" && aws_cloudwatch_log_group.database["postgresql"].retention_in_days == 90
    error_message = "RDS' log group must be ours, and end."
  }
}

run "an_old_postgres_is_refused" {
  command = plan
  variables {
    engine_version = "16.9"
  }
  expect_failures = [var.engine_version]
}
