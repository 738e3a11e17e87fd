"""A short road for each test, with the worker's settings as the test wants them."""

import boto3
import pytest

from local.database import Dsns, environment_of
from schemas.settings import Environment
from tests.short_road import MakeRoad, Road
from worker.database import Database
from worker.importing import Importer
from worker.objects import make_client
from worker.settings import Settings


@pytest.fixture
def make_road(aws: str, bucket: str, database: Dsns) -> MakeRoad:
    def make(**variables: str) -> Road:
        environment = environment_of(database.worker) | {
            "AWS_REGION": "eu-west-1",
            "MRU_QUEUE_URL": f"{aws}/unused",
        }
        settings = Settings.read(Environment(environment | variables))
        s3 = make_client("eu-west-1")
        importer = Importer(Database.at(settings.database), s3, settings)
        return Road(bucket, boto3.client("s3", region_name="eu-west-1"), importer, database.admin)

    return make


@pytest.fixture
def road(make_road: MakeRoad) -> Road:
    return make_road()
