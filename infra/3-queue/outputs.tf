output "queue_url" {
  description = "The queue of imports."
  value       = aws_sqs_queue.imports.id
}

output "dead_queue_url" {
  description = "Its dead-letter queue."
  value       = aws_sqs_queue.dead.id
}

output "notification_secret_arn" {
  description = "Where the secret is kept that notifications are signed with, for fill_secrets.py."
  value       = aws_secretsmanager_secret.notification.arn
}

output "next" {
  description = "Variables of the next step; docs/deploy.md says where they go."
  value = {
    notification_secret_arn = aws_secretsmanager_secret.notification.arn
    role_names              = { for who in ["api", "worker", "operator"] : who => aws_iam_role.workload[who].name }
  }
}

output "helm_values" {
  description = "Values of the chart; docs/deploy.md says where they go."
  value = {
    queue = { url = aws_sqs_queue.imports.id, maxReceives = var.max_receives }
    worker = {
      taskSeconds                   = var.task_seconds
      terminationGracePeriodSeconds = var.task_seconds + 90
    }
    buckets         = ["${local.name}-${local.account}-${var.region}"]
    externalSecrets = { remote = { notification = aws_secretsmanager_secret.notification.name } }
  }
}
