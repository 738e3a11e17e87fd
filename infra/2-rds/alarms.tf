# Whoever is to be woken subscribes to this topic; it is the only thing done by hand.

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.alarms.key_id
}

# The services that raise alarms have to use the topic's key, which AWS' own key does not let them.
resource "aws_kms_key" "alarms" {
  description             = "movies-r-us: alarms"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TheAccountItself"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "WhoRaisesAlarms"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "WhoRaisesAlarms"
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_db_event_subscription" "database" {
  name             = "${local.name}-database"
  sns_topic        = aws_sns_topic.alarms.arn
  source_type      = "db-cluster"
  source_ids       = [aws_rds_cluster.database.id]
  event_categories = ["failover", "failure", "maintenance", "notification"]
}

locals {
  database_alarms = {
    connections = { metric = "DatabaseConnections", statistic = "Maximum", above = true, threshold = var.max_connections_alarm }
    cpu         = { metric = "CPUUtilization", statistic = "Average", above = true, threshold = 85 }
    storage     = { metric = "FreeLocalStorage", statistic = "Minimum", above = false, threshold = 5 * pow(1024, 3) }
    memory      = { metric = "FreeableMemory", statistic = "Minimum", above = false, threshold = 512 * pow(1024, 2) }
  }
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = local.database_alarms

  alarm_name          = "${local.name}-database-${each.key}"
  alarm_description   = "docs/runbook.md, The database fails over"
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBClusterIdentifier = aws_rds_cluster.database.cluster_identifier }
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = 5
  comparison_operator = each.value.above ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
