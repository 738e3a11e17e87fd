#!/usr/bin/env python3
"""Gives a random value to each secret that has none: python3 infra/fill_secrets.py ARN [ARN ...]

Terraform makes the secrets empty, so that no value ever stands in a plan or a state; and nobody
has to see one. A secret that has a value keeps it. Needs boto3, and the rights of whoever applies
infra/.
"""

import secrets
import sys
from collections.abc import Sequence
from typing import Any

import boto3

BYTES = 32


def fill(client: Any, secret_id: str) -> bool:
    """Gives a secret a value unless it has one, and says whether it did."""
    try:
        client.get_secret_value(SecretId=secret_id)
    except client.exceptions.ResourceNotFoundException:
        client.describe_secret(SecretId=secret_id)  # no value is one thing, no secret another
        client.put_secret_value(SecretId=secret_id, SecretString=secrets.token_urlsafe(BYTES))
        return True
    return False


def main(arguments: Sequence[str]) -> int:
    """Fills the secrets that the arguments name. ARNs have their region in them."""
    if not arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    for arn in arguments:
        client = boto3.client("secretsmanager", region_name=arn.split(":")[3])
        print("filled" if fill(client, arn) else "has one", arn.rpartition(":")[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
