"""S3, SQS, IAM and Lambda on this machine: moto's server, in a process of its own.

    python -m local.aws --port 4566

What moto leaves out is added here: functions run for real (local/lambda_invoker.py), and S3's
events carry a sequencer and, in a bucket with versions, the version. Everything lies in memory and
is gone with the process; with --prepare, the bucket, the queues and the function are made again by
whatever starts it again.

It answers only programs that call it by its own host names (local/visitors.py), and runs no
function but the notifier of this very folder.
"""

import argparse
import base64
import hashlib
import itertools
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3 import notifications
from werkzeug.serving import BaseWSGIServer, make_server

from local.archive import pack_room
from local.cloud import HANDLER, CloudSettings, prepare_cloud
from local.lambda_invoker import RETRY_PAUSES_SECONDS, Invoker
from local.lambda_sandbox import Function
from local.settings import ROOT
from local.visitors import LOOPBACK, Doorkeeper, names_of
from schemas.logs import configure_logs
from schemas.settings import Environment, SettingError, exit_naming

_HOST: Final = "127.0.0.1"
_SERVICES: Final = ("s3", "sqs", "iam", "lambda")


class _QuietHandler(MotoRequestHandler):
    """moto's handler of requests, without a line for each of them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""


def main() -> None:
    """Serves until a signal ends it."""
    arguments = _parser().parse_args()
    settings = _settings() if arguments.prepare else None
    configure_logs("aws", readable=False, stream=sys.stdout)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with tempfile.TemporaryDirectory(prefix="mru-lambda-") as folder:
        pauses = tuple(float(pause) for pause in arguments.retry_pauses.split(","))
        invoker = Invoker(retry_pauses_seconds=pauses, log=arguments.function_log)
        run_functions(invoker, Path(folder))
        if not arguments.any_function:
            allow_only(pack_room(ROOT / "notifier"), HANDLER)
        complete_events()
        try:
            server = make_emulator(
                host=arguments.host,
                port=arguments.port,
                descriptor=arguments.fd,
                names=names_of(arguments.host, _other_names(arguments.allow_host, settings)),
            )
        except OSError as error:
            sys.exit(f"--host {arguments.host} --port {arguments.port}: {error.strerror}.")
        try:
            with _serving(server):
                if settings is not None:
                    _prepare(settings)
                if arguments.fd is None:
                    print(f"ready http://{arguments.host}:{server.port}", flush=True)
                signal.pause()
        finally:
            invoker.close()


def _other_names(allowed: list[str], settings: CloudSettings | None) -> list[str]:
    # Where it prepares itself, it is told the address under which the components know it.
    endpoint = urlsplit(settings.endpoint).hostname if settings else None
    return [*allowed, *([endpoint] if endpoint else [])]


@contextmanager
def _serving(server: BaseWSGIServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, name="server", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def _prepare(settings: CloudSettings) -> None:
    try:
        prepare_cloud(settings)
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"The emulator (AWS_ENDPOINT_URL) failed: {error}")


def _settings() -> CloudSettings:
    try:
        return CloudSettings.read(Environment(os.environ))
    except SettingError as error:
        exit_naming(error)


def make_emulator(
    *,
    host: str = _HOST,
    port: int = 0,
    descriptor: int | None = None,
    names: Collection[str] = LOOPBACK,
) -> BaseWSGIServer:
    """Makes the server, on a port (0 is any free one) or on a socket that already listens.

    It answers to `names` alone.
    """
    application = DomainDispatcherApplication(create_backend_app)
    for service in _SERVICES:  # loaded now, so that the first request of each is no slower
        _load(application, service)
    if descriptor is not None:
        with socket.socket(fileno=os.dup(descriptor)) as listener:
            port = listener.getsockname()[1]
    return make_server(
        host,
        port,
        Doorkeeper(application, names),
        threaded=True,
        request_handler=_QuietHandler,
        fd=descriptor,
    )


def run_functions(invoker: Invoker, folder: Path) -> None:
    """Makes moto's functions run. `folder` is for the zips that are deployed."""

    def invoke(
        self: LambdaFunction, body: str, request_headers: Any, response_headers: Any
    ) -> bytes:
        function = _function(self, folder)
        event = json.loads(body) if body else {}
        # S3 passes no headers at all; it invokes asynchronously.
        asked = request_headers or {"x-amz-invocation-type": "Event"}
        kind = asked.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return b""
        if kind == "Event":
            invoker.enqueue(function, event)
            return b""
        answer = invoker.invoke(function, event)
        if answer.error is not None:
            response_headers["x-amz-function-error"] = "Unhandled"
        return answer.payload()

    LambdaFunction.invoke = invoke  # type: ignore[method-assign]


def allow_only(archive: bytes, handler: str) -> None:
    """Makes moto reject functions of another zip, and run none by another handler."""
    set_code = LambdaFunction._set_function_code  # noqa: SLF001  no other way in
    run = LambdaFunction.invoke

    def check_code(self: LambdaFunction, spec: dict[str, Any]) -> None:
        # One in S3 or in an image is none of ours, either.
        if base64.b64decode(spec.get("ZipFile", "")) != archive:
            raise InvalidParameterValueException("The emulator runs the notifier's zip alone.")
        set_code(self, spec)

    def check_and_run(self: LambdaFunction, *arguments: Any) -> Any:
        # The zip holds no other handler, but Python's own library would serve as one.
        if self.handler != handler or self.code_bytes != archive:
            raise InvalidParameterValueException(f"The emulator runs {handler} alone.")
        return run(self, *arguments)

    LambdaFunction._set_function_code = check_code  # type: ignore[assignment, method-assign]  # noqa: SLF001
    LambdaFunction.invoke = check_and_run  # type: ignore[assignment, method-assign]


def complete_events() -> None:
    """Makes moto's S3 events say what S3's say of the order and the version of objects."""
    without: Callable[..., dict[str, Any]] = notifications._get_s3_event  # noqa: SLF001  no other way in
    sequence = itertools.count(time.time_ns())  # grows over restarts too

    def complete(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        event = without(event_name, bucket, key, notification_id)
        described = event["Records"][0]["s3"]["object"]
        described["sequencer"] = f"{next(sequence):016X}"
        if bucket.is_versioned:
            described["versionId"] = key.version_id
        return event

    notifications._get_s3_event = complete  # noqa: SLF001  no other way in


def _function(deployed: LambdaFunction, folder: Path) -> Function:
    archive = folder / f"{hashlib.sha256(deployed.code_bytes).hexdigest()}.zip"
    if not archive.exists():
        half = archive.with_suffix(f".{time.monotonic_ns()}")
        half.write_bytes(deployed.code_bytes)
        half.rename(archive)
    return Function(
        name=deployed.function_name,
        arn=deployed.function_arn,
        handler=deployed.handler or "",
        archive=archive,
        environment=tuple(sorted(deployed.environment_vars.items())),
        timeout_seconds=float(deployed.timeout),
        memory_mb=int(deployed.memory_size),
        region=deployed.region,
    )


def _load(application: DomainDispatcherApplication, service: str) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/{service}/aws4_request"
    request = {"HTTP_AUTHORIZATION": scope, "HTTP_HOST": _HOST, "PATH_INFO": "/"}
    application.get_application(request)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    parser.add_argument("--host", default=_HOST, help="the address; a container's own is 0.0.0.0")
    parser.add_argument("--port", type=int, default=0, help="0, the default, is any free port")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another host name to answer to; may be repeated",
    )
    parser.add_argument(
        "--any-function",
        action="store_true",
        help="run whatever function is deployed, and not the notifier alone: for tests",
    )
    parser.add_argument("--fd", type=int, help="a listening socket to serve instead of a port")
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="make the bucket, the queues and the notifier that the environment names",
    )
    parser.add_argument("--function-log", type=int, help="file descriptor for what functions print")
    parser.add_argument(
        "--retry-pauses",
        default=",".join(map(str, RETRY_PAUSES_SECONDS)),
        help="seconds before each further attempt of a function that failed",
    )
    return parser


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
