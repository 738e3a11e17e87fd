mock_provider "aws" {}

variables {
  vpc_id            = "vpc-0123456789abcdef0"
  vpc_cidr          = "10.42.0.0/16"
  subnet_ids        = ["subnet-0a", "subnet-0b", "subnet-0c"]
  security_group_id = "sg-0123456789abcdef0"
  route_table_ids   = ["rtb-0a", "rtb-0b", "rtb-0c"]
}

run "ways_to_aws" {
  command = plan

  assert {
    condition     = length(aws_vpc_endpoint.s3.route_table_ids) == 3
    error_message = "The way to S3 must be in the routes of every zone."
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : length(endpoint.subnet_ids) == 3])
    error_message = "Every other way must have a foot in each zone."
  }
  assert {
    condition     = aws_vpc_endpoint.interface["sqs"].service_name == "com.amazonaws.eu-west-1.sqs"
    error_message = "The region's own SQS."
  }
}

run "another_region" {
  command = plan
  variables {
    region = "eu-central-1"
  }

  assert {
    condition     = aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3"
    error_message = "The region is a variable."
  }
}

run "two_zones_are_refused" {
  command = plan
  variables {
    subnet_ids = ["subnet-0a", "subnet-0b"]
  }
  expect_failures = [aws_vpc_endpoint.s3]
}
