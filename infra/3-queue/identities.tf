# Who the pods are to AWS (EKS Pod Identity): one role for each service account of the chart, and
# KEDA's. None may make, change or purge a queue.

locals {
  workloads = {
    api = {
      namespace       = var.namespace
      service_account = "${var.release}-api"
      statements = [{
        Sid      = "Announce"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [local.queue_arn]
      }]
    }
    worker = {
      namespace       = var.namespace
      service_account = "${var.release}-worker"
      statements = [{
        Sid    = "TakeAndFinish"
        Effect = "Allow"
        Action = [
          "sqs:ReceiveMessage",
          "sqs:DeleteMessage",
          "sqs:ChangeMessageVisibility",
          "sqs:GetQueueAttributes",
        ]
        Resource = [local.queue_arn]
        },
        {
          # Its metrics tell how much is in both queues.
          Sid      = "CountDeadLetters"
          Effect   = "Allow"
          Action   = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
          Resource = [local.dead_arn]
      }]
    }
    # Whoever runs the commands: a retry announces an import again, a redrive does it for a dead letter.
    operator = {
      namespace       = var.namespace
      service_account = "${var.release}-operator"
      statements = [
        {
          Sid      = "LookAndAnnounce"
          Effect   = "Allow"
          Action   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
          Resource = [local.queue_arn]
        },
        {
          Sid    = "DeadLetters"
          Effect = "Allow"
          Action = [
            "sqs:GetQueueUrl",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
          ]
          Resource = [local.dead_arn]
        },
      ]
    }
    keda = {
      namespace       = "keda"
      service_account = "keda-operator"
      statements = [{
        Sid      = "Count"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes"]
        Resource = [local.queue_arn]
      }]
    }
  }
}

resource "aws_iam_role" "workload" {
  for_each = local.workloads

  name        = "${local.name}-${each.key}"
  description = "The pods of ${each.value.namespace}/${each.value.service_account}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "PodIdentity"
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "queue" {
  for_each = local.workloads

  name   = "queue"
  role   = aws_iam_role.workload[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

resource "aws_eks_pod_identity_association" "workload" {
  for_each = local.workloads

  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.workload[each.key].arn
}
