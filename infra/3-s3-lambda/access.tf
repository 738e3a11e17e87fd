# What the pods may do with the bucket. Their roles are made by 3-queue.

locals {
  read_statements = [
    {
      Sid      = "ReadObjects"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = ["${local.bucket_arn}/*"]
    },
    {
      # Without it S3 says of a missing object that access is denied.
      Sid      = "TellMissingFromForbidden"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [local.bucket_arn]
    },
  ]
  through_s3 = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
}

resource "aws_iam_role_policy" "read" {
  for_each = toset(["worker", "operator"]) # the operator's backfill lists the bucket

  name   = "bucket"
  role   = var.role_names[each.key]
  policy = jsonencode({ Version = "2012-10-17", Statement = local.read_statements })
}

# Apart from the above: what the key is called is known only once it is made.
resource "aws_iam_role_policy" "decrypt" {
  for_each = toset(["worker", "operator"])

  name = "bucket-key"
  role = var.role_names[each.key]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Decrypt"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [aws_kms_key.bucket.arn]
      Condition = local.through_s3
    }]
  })
}

resource "aws_iam_role_policy" "post" {
  count = var.allow_post_movies ? 1 : 0

  name = "bucket"
  role = var.role_names["api"]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "KeepWhatWasPosted"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["${local.bucket_arn}/posted/*"]
    }]
  })
}

resource "aws_iam_role_policy" "encrypt" {
  count = var.allow_post_movies ? 1 : 0

  name = "bucket-key"
  role = var.role_names["api"]
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Encrypt"
      Effect    = "Allow"
      Action    = ["kms:GenerateDataKey"]
      Resource  = [aws_kms_key.bucket.arn]
      Condition = local.through_s3
    }]
  })
}
