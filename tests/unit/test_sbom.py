"""The list of an image's contents has every package that its files name, and is valid CycloneDX."""

import io
import json
import tarfile
from typing import Any

import pytest

from tests.images.sbom import Image, describe

DEBIAN = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12
Description: GNU C Library
 Its second line.

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""
FILES = {
    "etc/os-release": "ID=debian\nVERSION_CODENAME=trixie\n",
    "var/lib/dpkg/status": DEBIAN,
    "venv/lib/python3.13/site-packages/flask-3.1.3.dist-info/METADATA": (
        "Metadata-Version: 2.4\nName: Flask\nVersion: 3.1.3\nLicense-Expression: BSD-3-Clause\n\n"
        "Name: not-a-header\n"
    ),
    "venv/lib/python3.13/site-packages/movies_r_us-0.1.0.dist-info/METADATA": (
        "Metadata-Version: 2.4\nName: movies-r-us\nVersion: 0.1.0\n\n"
    ),
    "usr/share/doc/other/METADATA": "Name: other\nVersion: 1\n\n",
}


def image_of(files: dict[str, str], *, python: str | None = "3.13.11") -> Image:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    made.seek(0)
    return Image("movies-r-us-api", "sha256:0123", python, made)


def components(image: Image) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(describe(image))["components"]}


def test_all_packages_are_listed_by_what_they_are() -> None:
    found = components(image_of(FILES))
    assert {name: one.get("purl") for name, one in found.items()} == {
        "libc6": "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie",
        "flask": "pkg:pypi/flask@3.1.3",
        "python": "pkg:generic/python@3.13.11",
        "movies-r-us": None,  # on no index
    }
    assert found["flask"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert found["python"]["cpe"] == "cpe:2.3:a:python:python:3.13.11:*:*:*:*:*:*:*"


def test_the_document_names_the_image_and_depends_on_all_of_it() -> None:
    document = json.loads(describe(image_of(FILES)))
    root = document["metadata"]["component"]
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert (root["type"], root["name"], root["version"]) == (
        "container",
        "movies-r-us-api",
        "sha256:0123",
    )
    depends = {one["ref"]: one.get("dependsOn") for one in document["dependencies"]}
    listed = {one["bom-ref"] for one in document["components"]}
    assert set(depends[root["bom-ref"]]) == listed


def test_a_base_image_that_does_not_name_its_python_has_none_in_the_list() -> None:
    assert "python" not in components(image_of(FILES, python=None))


@pytest.mark.parametrize("missing", ["var/lib/dpkg/status", "venv/lib/python3.13/site-packages"])
def test_an_image_without_packages_of_a_kind_is_an_error(missing: str) -> None:
    files = {name: text for name, text in FILES.items() if not name.startswith(missing)}
    with pytest.raises(ValueError, match=r"\b0 (packages )?of"):
        describe(image_of(files))
