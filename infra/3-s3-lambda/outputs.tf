output "bucket" {
  description = "Put files here."
  value       = aws_s3_bucket.movies.id
}

output "function_name" {
  description = "The notifier."
  value       = aws_lambda_function.notifier.function_name
}

output "lost_queue_url" {
  description = "Events that the notifier could not pass on."
  value       = aws_sqs_queue.lost.id
}
