mock_provider "aws" {}

variables {
  account_id = "123456789012"
}

run "a_message_is_hidden_longer_than_an_import_takes" {
  command = plan

  assert {
    condition     = aws_sqs_queue.imports.visibility_timeout_seconds > var.task_seconds + 30
    error_message = "A second worker would begin it beside the first."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.imports.redrive_policy).deadLetterTargetArn == "arn:aws:sqs:eu-west-1:123456789012:movies-r-us-imports-dead"
    error_message = "The queue must have its dead-letter queue."
  }
}

run "too_short_a_visibility_is_refused" {
  command = plan
  variables {
    task_seconds = 1000
  }
  expect_failures = [var.visibility_seconds]
}
