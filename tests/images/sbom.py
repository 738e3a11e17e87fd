"""Lists all that an image carries, as CycloneDX: python -m tests.images.sbom IMAGE FILE.

The image's files are read as the engine exports them: nothing is started or installed inside, and
nobody is asked about a package. Listed are Debian's packages, Python's, and Python itself.
"""

import argparse
import contextlib
import dataclasses
import json
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import IO, Final

import docker
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

_DEBIAN: Final = "var/lib/dpkg/status"
_RELEASE: Final = "etc/os-release"
_PYTHON: Final = re.compile(r"-packages/[^/]+\.dist-info/METADATA$")
# On no index, so that no scanner takes a stranger's package of this name for ours.
_OURS: Final = "movies-r-us"


@dataclasses.dataclass(frozen=True)
class Image:
    """What the engine knows of an image, and an archive of its files."""

    name: str
    digest: str
    python: str | None
    files: IO[bytes]


@contextlib.contextmanager
def export(name: str) -> Iterator[Image]:
    """Exports an image's files. Raises docker.errors.ImageNotFound where it is not there."""
    client = docker.from_env()
    image = client.images.get(name)
    variables = dict(line.split("=", 1) for line in image.attrs["Config"].get("Env") or [])
    container = client.containers.create(image)
    try:
        with tempfile.TemporaryFile() as files:
            for chunk in container.export():
                files.write(chunk)
            files.seek(0)
            yield Image(name, image.id, variables.get("PYTHON_VERSION"), files)
    finally:
        container.remove()
        client.close()


def describe(image: Image) -> str:
    """Returns the document. Raises ValueError where packages of either kind are missing."""
    texts = dict(_texts(image.files))
    debian = list(_debian(texts.get(_DEBIAN, ""), _codename(texts.get(_RELEASE, ""))))
    python = [_python(text) for name, text in texts.items() if _PYTHON.search(name)]
    if not debian or not python:
        raise ValueError(
            f"{image.name} has {len(debian)} packages of Debian's and {len(python)} of Python's"
        )
    root = Component(name=image.name, version=image.digest, type=ComponentType.CONTAINER)
    bom = Bom(components=[*debian, *python, *_interpreter(image.python)])
    bom.metadata.component = root
    bom.register_dependency(root, bom.components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the document is not valid: {fault}")
    return text


def _texts(files: IO[bytes]) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=files) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name in {_DEBIAN, _RELEASE} or _PYTHON.search(name):
                file = archive.extractfile(member)
                if file is not None:
                    yield name, file.read().decode()


def _codename(release: str) -> str | None:
    found = re.search(r"^VERSION_CODENAME=(\w+)$", release, re.MULTILINE)
    return found and found[1]


def _debian(status: str, codename: str | None) -> Iterable[Component]:
    for paragraph in status.split("\n\n"):
        package = Parser().parsestr(paragraph)
        if "installed" not in package.get("Status", "").split():
            continue  # the end of the file, or removed but for its settings
        where = {"arch": package["Architecture"]} | ({"distro": codename} if codename else {})
        name, version = package["Package"], package["Version"]
        purl = PackageURL("deb", "debian", name, version, where)
        yield Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())


def _python(metadata: str) -> Component:
    package = Parser().parsestr(metadata, headersonly=True)
    name, version = canonicalize_name(package["Name"]), package["Version"]
    purl = None if name == _OURS else PackageURL("pypi", None, name, version)
    licenses = [LicenseFactory().make_from_string(text) for text in _license(package)]
    reference = purl.to_string() if purl else name
    return Component(name=name, version=version, purl=purl, licenses=licenses, bom_ref=reference)


def _license(package: Message) -> list[str]:
    """Returns the licence, as an expression or as a short name: some have its whole text there."""
    text = package.get("License-Expression") or package.get("License") or ""
    return [text] if text and "\n" not in text else []


def _interpreter(version: str | None) -> list[Component]:
    """Python, which the base image has built and not installed as a package of Debian's."""
    if version is None:
        return []
    cpe = f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*"
    purl = PackageURL("generic", None, "python", version)
    return [Component(name="python", version=version, purl=purl, cpe=cpe, bom_ref=purl.to_string())]


def main() -> None:
    """Writes the document of one image."""
    parser = argparse.ArgumentParser(description="List all that an image carries, as CycloneDX.")
    parser.add_argument("image")
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    with export(arguments.image) as image:
        text = describe(image)
    arguments.file.parent.mkdir(parents=True, exist_ok=True)
    arguments.file.write_text(text, encoding="utf-8")
    print(f"{arguments.file}: {len(json.loads(text)['components'])} components")


if __name__ == "__main__":
    main()
