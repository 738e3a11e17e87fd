"""K5: no upgrade deletes the administrator's Secret, nor does it need the operator that made it."""

from pathlib import Path

from tests.cluster.conftest import ReleaseMaker
from tests.cluster.release import INSTALLATION, Release

OURS = {**INSTALLATION, "externalSecrets": {"enabled": True}}
NEW = {"images": {"worker": {"tag": "0.2.0"}}}
LATER = {"externalSecrets": {"enabled": True, "refreshInterval": "7m"}}


def test_upgrades_and_rollbacks_leave_the_administrators_secret_alone(
    either_helm: Path, make_release: ReleaseMaker
) -> None:
    release = make_release(either_helm)
    with release.external_secrets_operator():
        release.well(release.install(OURS))
    made = uids(release)
    # From here on the operator is away: what is deleted now stays so.
    release.well(release.upgrade(OURS, NEW))
    assert uids(release) == made
    release.well(release.upgrade(OURS, NEW, LATER))
    assert uids(release) == made
    external = release.get("externalsecret", "movies-r-us-migration")
    assert external["spec"]["refreshInterval"] == "7m", "an upgrade does not reach it"
    release.well(release.rollback(1))
    release.well(release.upgrade(OURS, NEW))
    assert uids(release) == made


def uids(release: Release) -> tuple[str, str]:
    """Returns the identities of the ExternalSecret and of the Secret that it owns."""
    external, secret = (
        release.get(kind, "movies-r-us-migration")["metadata"]
        for kind in ("externalsecret", "secret")
    )
    assert secret["ownerReferences"][0]["uid"] == external["uid"]
    return str(external["uid"]), str(secret["uid"])
