"""The local stack's settings: where it lives, and on which ports."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from schemas.settings import DatabaseSettings, Environment

ROOT: Final = Path(__file__).resolve().parent.parent
_ANY_PORT: Final = 0
_POSTGRES_DEFAULT_PORT: Final = 5432


@dataclasses.dataclass(frozen=True, kw_only=True)
class StackSettings:
    """What the local stack is told. Port 0 is any free one.

    `server` is a Postgres of somebody else's, with an administrator's name and password; without
    one the stack runs its own.
    """

    folder: Path
    api_port: int
    aws_port: int
    postgres_port: int
    bucket: str
    region: str
    database: str
    server: DatabaseSettings | None
    visibility_seconds: int
    max_receives: int

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Reads the variables. Raises SettingError, which names the wrong one."""
        database = environment.text("MRU_DB_NAME", "movies")
        return cls(
            folder=Path(environment.text("MRU_LOCAL_DIR", str(ROOT / ".local"))).resolve(),
            api_port=_port(environment, "MRU_LOCAL_API_PORT", 8080),
            aws_port=_port(environment, "MRU_LOCAL_AWS_PORT", 4566),
            postgres_port=_port(environment, "MRU_LOCAL_POSTGRES_PORT", 54329),
            bucket=environment.text("MRU_LOCAL_BUCKET", "movies-r-us"),
            region=environment.text("AWS_REGION", "eu-west-1"),
            database=database,
            server=_server(environment, database),
            # Shorter than in production: whoever kills a worker here waits for what follows.
            visibility_seconds=environment.integer(
                "MRU_VISIBILITY_SECONDS", 30, minimum=5, maximum=43_200
            ),
            max_receives=environment.integer("MRU_MAX_RECEIVES", 10, minimum=1, maximum=1_000),
        )

    def for_demo(self) -> Self:
        """Returns the same on free ports, in a folder of its own."""
        return dataclasses.replace(
            self,
            folder=self.folder / "demo",
            api_port=_ANY_PORT,
            aws_port=_ANY_PORT,
            postgres_port=_ANY_PORT,
            server=None,
        )


def overrule(given: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """Returns both, of which `told` wins: also over a secret that is given in the other way.

    A variable and its `_FILE` are never both passed on: the components reject that.
    """
    kept = {
        name: value
        for name, value in given.items()
        if f"{name}_FILE" not in told and name.removesuffix("_FILE") not in told
    }
    return {**kept, **told}


def _port(environment: Environment, name: str, default: int) -> int:
    return environment.integer(name, default, minimum=0, maximum=65535)


def _server(environment: Environment, database: str) -> DatabaseSettings | None:
    if environment.optional("MRU_DB_HOST") is None:
        return None
    return DatabaseSettings(
        host=environment.text("MRU_DB_HOST"),
        port=environment.integer("MRU_DB_PORT", _POSTGRES_DEFAULT_PORT, minimum=1, maximum=65535),
        user=environment.text("MRU_DB_USER"),
        password=environment.password("MRU_DB_PASS", ""),
        name=database,
    )
