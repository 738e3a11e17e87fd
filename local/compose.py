"""What docker-compose.yml needs made in its emulator: `python -m local.compose`.

The bucket, the queues, and the notifier, which the emulator runs. The containers are told the same
names in their environment.
"""

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

from local.archive import pack_room
from local.cloud import CloudSettings, prepare_cloud
from local.settings import ROOT
from schemas.notification import IMPORT_QUEUE
from schemas.settings import Environment, SettingError, exit_naming


def cloud_settings(environment: Environment) -> CloudSettings:
    """Reads what the containers are told, too. Raises SettingError."""
    return CloudSettings(
        endpoint=environment.text("AWS_ENDPOINT_URL"),
        region=environment.text("AWS_REGION"),
        bucket=environment.listing("MRU_BUCKETS")[0],
        queue=IMPORT_QUEUE,
        max_receives=environment.integer("MRU_MAX_RECEIVES", 10, minimum=1, maximum=1_000),
        visibility_seconds=environment.integer(
            "MRU_VISIBILITY_SECONDS", 120, minimum=5, maximum=43_200
        ),
        archive=pack_room(ROOT / "notifier"),
        function_environment={
            "MRU_API_URL": environment.text("MRU_API_URL"),
            "MRU_NOTIFICATION_SECRET": " ".join(environment.secrets("MRU_NOTIFICATION_SECRET")),
        },
    )


def main() -> None:
    """Makes what is missing, and prints where the queue is. A failure is one line."""
    try:
        made = prepare_cloud(cloud_settings(Environment(os.environ)))
    except SettingError as error:
        exit_naming(error)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"The emulator (AWS_ENDPOINT_URL) failed: {error}")
    sys.stdout.write(f"{made.queue_url}\n")


if __name__ == "__main__":
    main()
