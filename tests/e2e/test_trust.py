"""A key in zrms' trust directory may be limited to names of topologies."""
import os
import time

import pytest

from conftest import BIN, run
from native import native_app
from test_access import SLEEPS

START = {"p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}


@pytest.fixture
def c(start_cluster):
    return start_cluster(zhosts=["n1"])


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
