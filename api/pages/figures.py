"""How numbers, sizes and times are written for people. Times are UTC, as in the logs."""

from datetime import datetime, timedelta
from typing import Final

_THOUSAND: Final = 1000
_SIZES: Final = ("bytes", "kB", "MB", "GB", "TB")
_MINUTE: Final = 60
_HOUR: Final = 3600


def count(number: int) -> str:
    """12,345"""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """1 film, 12,345 films"""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(number: int) -> str:
    """2.5 MB: decimal, as S3's own console has it"""
    amount, unit = float(number), 0
    while amount >= _THOUSAND and unit < len(_SIZES) - 1:
        amount, unit = amount / _THOUSAND, unit + 1
    return f"{amount:.0f} {_SIZES[unit]}" if unit == 0 else f"{amount:.1f} {_SIZES[unit]}"


def duration(length: timedelta) -> str:
    """0.8 s, 12 s, 3 min 20 s, 2 h 05 min"""
    seconds = max(0.0, length.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def moment(time: datetime) -> str:
    """24 Nov 2026, 08:00:01"""
    return f"{time.day} {time:%b %Y, %H:%M:%S}"


def machine_moment(time: datetime) -> str:
    """2026-11-24T08:00:01+00:00, for the attribute of an element"""
    return time.isoformat(timespec="seconds")
