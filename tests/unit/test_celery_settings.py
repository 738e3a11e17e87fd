"""Celery takes any name for a setting without a word: the names and limits are checked here."""

import json
from importlib import metadata

import pytest
from celery.app import defaults
from celery.utils.imports import symbol_by_name

from worker import consumer, sqs
from worker.celery_settings import celery_settings


def make_settings(soft: float = 60, hard: float = 90) -> dict[str, object]:
    return celery_settings(
        "https://sqs.eu-central-1.amazonaws.com/123456789012/imports",
        "eu-central-1",
        soft_limit_seconds=soft,
        hard_limit_seconds=hard,
        visibility_seconds=120,
    )


def test_celery_knows_every_setting() -> None:
    assert set(make_settings()) <= set(defaults.DEFAULTS)


def test_the_broker_url_holds_no_keys() -> None:
    assert make_settings()["broker_url"] == "sqs://"


def test_the_transport_options_are_plain_data() -> None:
    assert json.dumps(make_settings()["broker_transport_options"])


@pytest.mark.parametrize(("soft", "hard"), [(60, 60), (60, 50), (60, 43_200)])
def test_limits_out_of_order_are_refused(soft: float, hard: float) -> None:
    with pytest.raises(ValueError, match="in order"):
        make_settings(soft, hard)


@pytest.mark.parametrize("name", [sqs.TRANSPORT, consumer.CONSUMER, consumer.REQUEST])
def test_the_class_paths_lead_to_classes(name: str) -> None:
    assert isinstance(symbol_by_name(name), type)


@pytest.mark.parametrize("package", sqs.WRITTEN_FOR)
def test_the_transport_runs_on_the_versions_that_it_was_written_for(package: str) -> None:
    assert metadata.version(package) == sqs.WRITTEN_FOR[package]
