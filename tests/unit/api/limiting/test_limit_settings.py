"""The settings of the rate limit, right and wrong."""

from pathlib import Path

import pytest

from api.limiting.settings import KeyedBy, Rate, RateLimit
from api.settings import Settings
from schemas.settings import Environment, SettingError
from tests.builders import OLD_SECRET, SECRET
from tests.calling import api_environment


def read(**variables: str) -> RateLimit:
    return RateLimit.read(Environment(variables))


def test_there_is_no_limit_unless_one_is_set() -> None:
    unset = read()
    assert unset.rate is None
    assert (unset.keyed_by, unset.api_keys, unset.trusted_proxies) == (KeyedBy.ADDRESS, (), 0)
    assert Settings.read(Environment(api_environment("postgresql://x@y/z"))).rate_limit == unset


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/minute", Rate(600, 60)),
        ("10 per second", Rate(10, 1)),
        ("1000/5minutes", Rate(1000, 300)),
        ("1/day", Rate(1, 86400)),
    ],
)
def test_a_limit_is_a_number_of_requests_and_a_time(text: str, rate: Rate) -> None:
    assert read(MRU_RATE_LIMIT=text).rate == rate


@pytest.mark.parametrize(
    "text",
    [
        *("often", "600", "600/", "/minute", "-1/minute", "600/fortnight", "1.5/minute"),
        *("600/minute; 10/second", "600/minute,10/second", "600/minute x"),
        *("0/minute", "99999999999999/minute", "600/2days", "600/month"),
    ],
)
def test_any_other_limit_is_rejected_by_its_name_on_one_line(text: str) -> None:
    with pytest.raises(SettingError, match=r"^MRU_RATE_LIMIT .*$"):
        read(MRU_RATE_LIMIT=text)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MRU_RATE_LIMIT_KEY", "cookie"),
        ("MRU_API_KEYS", "short"),
        ("MRU_API_KEYS", f"{SECRET} short"),
        ("MRU_TRUSTED_PROXIES", "-1"),
        ("MRU_TRUSTED_PROXIES", "11"),
        ("MRU_TRUSTED_PROXIES", "all"),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=variable):
        read(**{variable: value})


def test_limits_by_api_key_need_keys() -> None:
    with pytest.raises(SettingError, match="MRU_API_KEYS is not set"):
        read(MRU_RATE_LIMIT="600/minute", MRU_RATE_LIMIT_KEY="api-key")


def test_keys_may_come_from_a_file_and_are_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{SECRET}\n{OLD_SECRET}\n", encoding="utf-8")
    limit = read(MRU_RATE_LIMIT_KEY="api-key", MRU_API_KEYS_FILE=str(file))
    assert limit.api_keys == (SECRET, OLD_SECRET)
    assert SECRET not in repr(limit)
