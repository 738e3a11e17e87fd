"""The notifier: a Lambda function that tells the API which objects arrived in the bucket."""
