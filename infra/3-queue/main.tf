# The queue of imports and its dead-letter queue, and who may do what with them: what the chart's
# pods need, and so before the chart (step 4). The bucket's side of it is in 3-s3-lambda.

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

locals {
  name    = "movies-r-us"
  account = var.account_id != null ? var.account_id : data.aws_caller_identity.current.account_id
  queue   = "${local.name}-imports"

  # Written out, so that policies name queues that do not exist yet, and a plan shows them whole.
  queue_arn = "arn:aws:sqs:${var.region}:${local.account}:${local.queue}"
  dead_arn  = "${local.queue_arn}-dead"

  retention_seconds = 14 * 24 * 3600
}

resource "aws_sqs_queue" "dead" {
  name                      = "${local.queue}-dead"
  message_retention_seconds = local.retention_seconds
  sqs_managed_sse_enabled   = true

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })
}

resource "aws_sqs_queue" "imports" {
  name                       = local.queue
  message_retention_seconds  = local.retention_seconds
  visibility_timeout_seconds = var.visibility_seconds
  receive_wait_time_seconds  = 10
  sqs_managed_sse_enabled    = true

  # Mandatory: it is what ends a message that fails again and again, and without it Celery would
  # delete the message of a failed task.
  redrive_policy = jsonencode({
    deadLetterTargetArn = local.dead_arn
    maxReceiveCount     = var.max_receives
  })

  depends_on = [aws_sqs_queue.dead]
}

resource "aws_sqs_queue_policy" "tls" {
  for_each = {
    imports = { url = aws_sqs_queue.imports.id, arn = local.queue_arn }
    dead    = { url = aws_sqs_queue.dead.id, arn = local.dead_arn }
  }

  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncrypted"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = each.value.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# Empty: fill_secrets.py gives it a value, so that none ever stands in a state or a plan.
resource "aws_secretsmanager_secret" "notification" {
  name                    = "${local.name}/notification"
  description             = "What the notifier signs with, and the API checks: one word, or two while one replaces the other"
  recovery_window_in_days = 7
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${local.name}-dead-letters"
  alarm_description   = "docs/runbook.md, Dead letters"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  ok_actions          = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "age" {
  alarm_name          = "${local.name}-imports-wait"
  alarm_description   = "docs/runbook.md, Imports wait"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.imports.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.oldest_message_seconds_alarm
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  ok_actions          = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
}
