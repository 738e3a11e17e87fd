resource "aws_kms_key" "bucket" {
  description             = "movies-r-us: the bucket"
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

resource "aws_kms_alias" "bucket" {
  name          = "alias/${local.name}-bucket"
  target_key_id = aws_kms_key.bucket.key_id
}

resource "aws_s3_bucket" "movies" {
  bucket = local.bucket
}

resource "aws_s3_bucket_public_access_block" "movies" {
  bucket                  = aws_s3_bucket.movies.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "movies" {
  bucket = aws_s3_bucket.movies.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# An import names the version that was announced: overwritten before it is read, it is still there.
resource "aws_s3_bucket_versioning" "movies" {
  bucket = aws_s3_bucket.movies.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "movies" {
  bucket = aws_s3_bucket.movies.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.bucket.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "movies" {
  bucket = aws_s3_bucket.movies.id

  # A dead letter is kept for 14 days: what it names has to be there as long.
  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    expiration {
      expired_object_delete_marker = true
    }
  }
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
  rule {
    id     = "seldom-read"
    status = "Enabled"
    filter {}
    transition {
      days          = 90
      storage_class = "STANDARD_IA"
    }
  }

  depends_on = [aws_s3_bucket_versioning.movies]
}

resource "aws_s3_bucket_policy" "movies" {
  bucket = aws_s3_bucket.movies.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncrypted"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.movies]
}

# S3 tries the function when this is made, and refuses unless it may run it.
resource "aws_s3_bucket_notification" "movies" {
  bucket = aws_s3_bucket.movies.id

  lambda_function {
    lambda_function_arn = aws_lambda_function.notifier.arn
    events              = ["s3:ObjectCreated:*"]
  }

  depends_on = [aws_lambda_permission.bucket]
}
