resource "aws_security_group" "notifier" {
  name        = local.function
  description = "The notifier: out to the API and to Secrets Manager"
  vpc_id      = module.cluster.vpc_id

  tags = { Name = local.function }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.notifier.id
  description       = "The API, and Secrets Manager"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0" # an internet-facing load balancer has public addresses
}

resource "aws_vpc_security_group_egress_rule" "http" {
  security_group_id = aws_security_group.notifier.id
  description       = "An API inside the VPC without a certificate"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
  cidr_ipv4         = module.cluster.vpc_cidr
}

resource "aws_cloudwatch_log_group" "notifier" {
  name              = "/aws/lambda/${local.function}"
  retention_in_days = var.log_retention_days
}

# What the function could not pass on in two more tries: events, to be sent again.
resource "aws_sqs_queue" "lost" {
  name                      = "${local.function}-lost"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "lost" {
  queue_url = aws_sqs_queue.lost.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncrypted"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = local.lost_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_iam_role" "notifier" {
  name        = local.function
  description = "The function that tells the API of new objects"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "notifier" {
  name = "notifier"
  role = aws_iam_role.notifier.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:aws:logs:${var.region}:${local.account}:log-group:/aws/lambda/${local.function}:*"]
      },
      {
        Sid      = "SigningSecret"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [var.notification_secret_arn]
      },
      {
        Sid      = "KeepWhatWasLost"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [local.lost_arn]
      },
      {
        # Lambda's own way into a VPC. Its interfaces have no names beforehand, and what only
        # describes can be given no name at all.
        Sid    = "Network"
        Effect = "Allow"
        Action = [
          "ec2:CreateNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:DeleteNetworkInterface",
        ]
        Resource = ["*"]
      },
    ]
  })
}

resource "aws_lambda_function" "notifier" {
  function_name    = local.function
  description      = "Tells the API which objects arrived in the bucket"
  role             = aws_iam_role.notifier.arn
  runtime          = "python3.13"
  architectures    = ["arm64"]
  handler          = "notifier.handler.handle"
  filename         = var.archive
  source_code_hash = filebase64sha256(var.archive)
  memory_size      = 256
  # The connection, the answer, and once more on a new connection: docs/configuration.md.
  timeout                        = 60
  reserved_concurrent_executions = var.concurrency

  vpc_config {
    subnet_ids         = module.cluster.subnet_ids
    security_group_ids = [aws_security_group.notifier.id]
  }

  environment {
    variables = {
      MRU_API_URL                 = var.movies_r_us_notify_api_url
      MRU_NOTIFICATION_SECRET_ARN = var.notification_secret_arn
    }
  }

  depends_on = [aws_cloudwatch_log_group.notifier, aws_iam_role_policy.notifier]
}

resource "aws_lambda_function_event_invoke_config" "notifier" {
  function_name                = aws_lambda_function.notifier.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = local.lost_arn
    }
  }

  depends_on = [aws_sqs_queue.lost]
}

resource "aws_lambda_permission" "bucket" {
  statement_id   = "bucket"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.notifier.function_name
  principal      = "s3.amazonaws.com"
  source_arn     = local.bucket_arn
  source_account = local.account
}

locals {
  notifier_alarms = {
    errors    = { namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", dimensions = { FunctionName = local.function } }
    throttles = { namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", dimensions = { FunctionName = local.function } }
    lost = {
      namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum",
      dimensions = { QueueName = "${local.function}-lost" }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "notifier" {
  for_each = local.notifier_alarms

  alarm_name          = "${local.function}-${each.key}"
  alarm_description   = "docs/runbook.md, Events do not arrive"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  ok_actions          = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
}
