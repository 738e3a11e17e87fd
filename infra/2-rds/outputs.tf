output "endpoint" {
  description = "The host of the one that writes; it is another machine's after a failover, and the same name."
  value       = aws_rds_cluster.database.endpoint
}

output "administrator_secret_arn" {
  description = "Where RDS keeps the administrator's password."
  value       = one(aws_rds_cluster.database.master_user_secret[*].secret_arn)
}

output "role_secret_arns" {
  description = "Where the roles' passwords are kept, for fill_secrets.py."
  value       = { for role, secret in aws_secretsmanager_secret.role : role => secret.arn }
}

output "alarm_topic_arn" {
  description = "Subscribe to it whoever is to be woken."
  value       = aws_sns_topic.alarms.arn
}

output "next" {
  description = "Variables of the next steps; docs/deploy.md says where they go."
  value = {
    alarm_topic_arn = aws_sns_topic.alarms.arn
  }
}

output "helm_values" {
  description = "Values of the chart; docs/deploy.md says where they go."
  value = {
    region   = var.region
    database = { host = aws_rds_cluster.database.endpoint, port = 5432, name = "movies" }
    externalSecrets = { remote = {
      administrator = one(aws_rds_cluster.database.master_user_secret[*].secret_arn)
      migrator      = aws_secretsmanager_secret.role["migrator"].name
      worker        = aws_secretsmanager_secret.role["worker"].name
      api           = aws_secretsmanager_secret.role["api"].name
    } }
    networkPolicy = { database = [module.cluster.vpc_cidr], clients = [module.cluster.vpc_cidr] }
  }
}
