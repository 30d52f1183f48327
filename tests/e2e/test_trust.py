"""Keys that packages are signed with: limited to names, added, removed, in files and recorded."""
import json
import os
import time

import pytest

from conftest import BIN, run, until
from native import native_app
from test_access import SLEEPS, new_user

START = {"p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}


@pytest.fixture
def c(start_cluster):
    return start_cluster(zhosts=["n1"], timeout="20s")


def build(c, name, key):
    target = c.directory / f"{name}-{key.name}.mex"
    run(BIN / "mex", "build", native_app(c, name, [SLEEPS], START), "-o", target, "--key", key)
    return target


def test_a_limited_key_signs_its_own_names_only_also_after_a_restart(c):
    team = c.directory / "team"
    run(BIN / "mex", "keygen", "-o", team)
    public = (c.directory / "team.pub").read_text().strip()
    trusted = c.directory / "zrms" / "trust" / "team.pub"
    trusted.write_text(f"{public} topologies=shop-*,blog\n")
    mine, blog, other = (build(c, name, team) for name in ("shop-1", "blog", "bank"))
    c.submit(mine)
    c.submit(blog)
    for _ in range(2):
        for more in ((), ("--dry-run",)):
            refused = c.zshell("topo", "submit", other, *more, check=False)
            assert refused.returncode == 1, refused
            assert f"the key {public.split()[1]} is trusted for topologies named shop-*,blog alone" in refused.stderr
            assert "this one is named bank" in refused.stderr
        assert "is trusted for topologies named" in c.zshell("topo", "plan", other, check=False).stderr
        c.zrms.kill()
        c.start_zrms()
        c.wait_zhost("n1", "deployed-started")
    assert c.topology("bank") is None and c.state("shop-1") == "running"
    # Other keys are not; and a limit counts from the next submission on, also where the file is written again.
    c.submit(build(c, "bank", c.key))
    c.zshell("topo", "stop", "bank", "--wait=30s")
    trusted.write_text(f"{public} of the team\n")
    c.zshell("topo", "submit", other, "--allow-downgrade")
    trusted.write_text(f"{public} topologies=\n")
    assert "named in no way alone" in c.zshell("topo", "submit", build(c, "none", team), check=False).stderr


def test_a_key_file_of_the_future_hides_no_later_change(c):
    directory = c.directory / "zrms" / "trust"
    keys = [c.directory / name for name in ("kept", "narrowed", "removed")]
    for key in keys:
        run(BIN / "mex", "keygen", "-o", key)
        (directory / f"{key.name}.pub").write_text((c.directory / f"{key.name}.pub").read_text())
    os.utime(directory / "kept.pub", (time.time() + 86400,) * 2)
    for key in keys:
        c.submit(build(c, f"app-{key.name}", key))
    (directory / "removed.pub").unlink()
    refused = c.zshell("topo", "submit", build(c, "again", keys[2]), check=False)
    assert refused.returncode == 1 and "trust" in refused.stderr, refused
    narrowed = directory / "narrowed.pub"
    narrowed.write_text(narrowed.read_text().strip() + " topologies=app-*\n")
    refused = c.zshell("topo", "submit", build(c, "bank", keys[1]), check=False)
    assert "is trusted for topologies named app-* alone" in refused.stderr, refused
    c.submit(build(c, "still", keys[0]))


def keygen(c, name):
    key = c.directory / name
    run(BIN / "mex", "keygen", "-o", key)
    return key


def refusal(c, package):
    refused = c.zshell("topo", "submit", package, check=False)
    assert refused.returncode == 1, refused
    return refused.stderr


def listed(c, *more):
    return {k["name"]: k for k in json.loads(c.zshell("trust", "list", "-o", "json", *more).stdout)["keys"]}


def test_a_key_is_added_and_removed_over_rest_and_what_it_signed_goes_on(c):
    ci = keygen(c, "ci")
    app, more = build(c, "shop", ci), build(c, "blog", ci)
    assert "not a trusted key" in refusal(c, app)
    assert c.zshell("trust", "add", f"{ci}.pub").stdout == "Key ci is trusted.\n"
    assert "trusted already, as ci" in c.zshell("trust", "add", f"{ci}.pub", "--name", "two", check=False).stderr
    assert "is the secret key" in c.zshell("trust", "add", ci, check=False).stderr
    c.submit(app)
    until(lambda: c.state("shop") == "running", "shop runs")
    assert listed(c)["ci"]["runs"] == ["shop"] and listed(c)["ci"]["key"] == (c.directory / "ci.pub").read_text().strip()
    assert "Signed by" not in c.zshell("topo", "status", "shop").stdout
    pid = c.space("shop", "p")["epoch"]
    removed = c.zshell("trust", "rm", "ci").stdout
    assert removed == "Key ci is no longer trusted.\nIt has signed what goes on: shop.\n"
    assert c.zshell("trust", "rm", "ci", check=False).returncode == 1
    for _ in range(2):
        assert "is signed by" in refusal(c, app) and "operator has removed the key ci" in refusal(c, more)
        assert c.topology("blog") is None and c.state("shop") == "running"
        assert "Signed by: ci, a key that is no longer trusted" in " ".join(c.zshell("topo", "status", "shop").stdout.split())
        assert "Revision 1 is signed by ci, a key that is no longer trusted." in c.zshell("topo", "history", "shop").stdout
        assert listed(c)["ci"]["state"] == "removed" and listed(c)["ci"]["runs"] == ["shop"]
        c.zrms.kill()
        c.start_zrms()
        c.wait_zhost("n1", "deployed-started")
    assert c.space("shop", "p")["epoch"] == pid
    said = [e["cause"] for e in c.get("/v1/events?stream=0")["events"] if e["kind"] == "key"]
    assert said == ["added by operator", "removed by operator; it has signed what goes on: shop"]
    done = [(a["action"], a["outcome"]) for a in c.get("/v1/audit")["lines"] if "trust key" in a.get("action", "")]
    assert done == [("trust key ci", "done"), ("trust key two", "conflict"), ("trust key ci no longer", "done"),
                    ("trust key ci no longer", "not-found")], done
    # Signed again by a key that is trusted.
    c.zshell("trust", "add", f"{keygen(c, 'next')}.pub", "--topologies", "shop,blog*")
    c.zshell("topo", "stop", "shop", "--wait=30s")
    c.zshell("topo", "submit", build(c, "shop", c.directory / "next"), "--allow-downgrade")
    assert "trusted for topologies named shop,blog* alone" in refusal(c, build(c, "bank", c.directory / "next"))


def test_a_removed_key_of_a_file_stays_removed_until_it_is_added(c):
    team = keygen(c, "team")
    file = c.directory / "zrms" / "trust" / "team.pub"
    file.write_text((c.directory / "team.pub").read_text())
    app = build(c, "shop", team)
    c.submit(app)
    assert listed(c)["team"]["file"] and listed(c)["team"]["state"] == "trusted"
    # A file that cannot be read keeps nobody from that.
    broken = c.directory / "zrms" / "trust" / "broken.pub"
    broken.write_text("no key\n")
    assert "It has signed what goes on: shop." in c.zshell("trust", "rm", "team").stdout
    broken.unlink()
    for _ in range(2):
        assert "operator has removed the key team" in refusal(c, app)
        c.zrms.kill()
        c.start_zrms()
        c.wait_zhost("n1", "deployed-started")
    c.zshell("trust", "add", file)
    file.unlink()
    c.submit(app)
    # Of a file that somebody takes away: nobody has removed the key, and it is named nevertheless.
    other = keygen(c, "other")
    file = c.directory / "zrms" / "trust" / "other.pub"
    file.write_text((c.directory / "other.pub").read_text())
    c.submit(build(c, "blog", other))
    file.unlink()
    assert listed(c)["other"]["state"] == "gone" and listed(c)["other"]["runs"] == ["blog"]
    assert "other, a key that is no longer trusted" in c.zshell("topo", "status", "blog").stdout


def test_keys_are_for_administrators(c, monkeypatch):
    key = keygen(c, "ci")
    for role in ("viewer", "operator"):
        token = new_user(c, role[:3], role)
        for words in (("list",), ("add", f"{key}.pub"), ("rm", "dev")):
            monkeypatch.setenv("SAMOZA_TOKEN", token)
            refused = c.zshell("trust", *words, check=False)
            monkeypatch.delenv("SAMOZA_TOKEN")
            assert refused.returncode == 1 and "admin" in refused.stderr, refused
    assert "ci" not in listed(c)


def other_version(c, name, key, version):
    target = c.directory / f"{name}-{version}.mex"
    run(BIN / "mex", "build", native_app(c, f"{name}", [SLEEPS], START, version), "-o", target, "--key", key)
    return target


def test_a_rollback_asks_whether_the_key_is_still_trusted(c):
    ci, team = keygen(c, "ci"), keygen(c, "team")
    file = c.directory / "zrms" / "trust" / "team.pub"
    file.write_text((c.directory / "team.pub").read_text())
    c.zshell("trust", "add", f"{ci}.pub")
    for version, key in (("1.0.0", ci), ("1.1.0", team), ("1.2.0", c.key)):
        c.zshell("topo", "submit", other_version(c, "shop", key, version), "--wait=60s")

    def refused(*more):
        r = c.zshell("topo", "rollback", "shop", *more, check=False)
        assert r.returncode == 1 and (c.topology("shop")["version"], c.topology("shop")["revision"]) == ("1.2.0", 3), r
        return r.stderr

    c.zshell("trust", "rm", "ci")
    assert ("revision 1 of shop is signed by ci, a key that is no longer trusted: trust the key again with `trust add`, "
            "or submit a version that is signed by a trusted key") in refused("--to", "1")
    assert c.request("POST", "/v1/topologies/shop/rollback?to=1")[0] == 403
    # The file of a key is gone: zrms looks at its directory before it answers.
    file.unlink()
    assert "revision 2 of shop is signed by team, a key that is no longer trusted" in refused()
    file.write_text((c.directory / "team.pub").read_text())
    # A file of the package is gone.
    digests = [a.name for a in (c.directory / "zrms" / "artifacts" / "sha256").iterdir()]
    assert digests
    kept = c.directory / "kept"
    kept.mkdir()
    for digest in digests:
        (c.directory / "zrms" / "artifacts" / "sha256" / digest).rename(kept / digest)
    assert "the package of revision 2 is gone: artifact" in refused()
    assert "submit the package again" in refused()
    assert c.request("POST", "/v1/topologies/shop/rollback")[0] == 409
    for digest in digests:
        (kept / digest).rename(c.directory / "zrms" / "artifacts" / "sha256" / digest)
    c.zshell("topo", "rollback", "shop", "--wait=60s")
    assert (c.topology("shop")["version"], c.topology("shop")["revision"]) == ("1.1.0", 4)
    # As it is asked for again: the audit has the refusals, too.
    outcomes = [a["outcome"] for a in c.get("/v1/audit")["lines"] if "roll shop back" in a.get("action", "")]
    assert outcomes.count("denied") == 3 and outcomes[-1] == "done", outcomes
