mock_provider "aws" {}

variables {
  vpc_id            = "vpc-0123456789abcdef0"
  vpc_cidr          = "10.42.0.0/16"
  subnet_ids        = ["subnet-0a", "subnet-0b", "subnet-0c"]
  security_group_id = "sg-0123456789abcdef0"
  account_id        = "123456789012"

  movies_r_us_notify_api_url = "https://movies.example.com"
  notification_secret_arn    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:movies-r-us/notification-AbCdEf"
  role_names                 = { api = "movies-r-us-api", worker = "movies-r-us-worker", operator = "movies-r-us-operator" }
}

run "the_bucket_is_the_one_that_the_chart_is_told_of" {
  command = plan

  assert {
    condition     = aws_s3_bucket.movies.bucket == "movies-r-us-123456789012-eu-west-1"
    error_message = "3-queue tells the chart this name."
  }
}

run "the_api_may_write_only_where_posting_is_allowed" {
  command = plan

  assert {
    condition     = length(aws_iam_role_policy.post) == 0
    error_message = "Nobody asked for it."
  }
}

run "posting_is_allowed" {
  command = plan
  variables {
    allow_post_movies = true
  }

  assert {
    condition     = length(aws_iam_role_policy.post) == 1
    error_message = "It was asked for."
  }
}

run "a_name_is_no_url" {
  command = plan
  variables {
    movies_r_us_notify_api_url = "movies.example.com"
  }
  expect_failures = [var.movies_r_us_notify_api_url]
}
