#!/usr/bin/python3
"""Records what zrms of SAMOZA_BIN writes of who may do what, and of a rebalance.

    SAMOZA_BIN=build/bin tests/compat/record_access.py STORE_DIRECTORY

The store after kill -9 goes to STORE_DIRECTORY/killed.sql, and what its REST answered just before, as far as it is the same
after a start, to STORE_DIRECTORY/answers.json. README.md says what the cluster did meanwhile.
"""
import json
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import conftest  # noqa: E402
from conftest import run  # noqa: E402
from record import write_store  # noqa: E402
from secure import SecureCluster  # noqa: E402
from test_join import create, joiner  # noqa: E402

ASKED = ["/v1/users", "/v1/tokens", "/v1/trust", "/v1/cluster/rebalance", "/v1/authorities"]


def fill(c):
    for name in ("n1", "n2"):
        joiner(c, name, create(c, "--name", "n*", "--labels", f"zone={name}", "--uses", "3")).start()
        c.wait_zhost(name, "deployed-started")
    c.zshell("user", "create", "ann", "--role", "operator")
    status, _ = c.request("POST", "/v1/sign-in", {"code": c.request("POST", "/v1/sign-in-codes")[1]["code"]})
    assert status == 200
    run(conftest.BIN / "mex", "keygen", "-o", c.directory / "ci")
    c.zshell("trust", "add", c.directory / "ci.pub")
    run(conftest.BIN / "mex", "keygen", "-o", c.directory / "old")
    c.zshell("trust", "add", c.directory / "old.pub")
    c.zshell("trust", "rm", "old")
    status, _ = c.request("POST", "/v1/users", {"name": "bob", "role": "viewer"}, {"Idempotency-Key": "k"})
    assert status == 201
    c.zshell("cluster", "rebalance", "--wait=60s")
    c.zshell("cluster", "ca", "rotate", check=False)


def main():
    store = pathlib.Path(sys.argv[1])
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_STATE_HOME"] = f"{name}/state"
        c = SecureCluster(pathlib.Path(name), zhosts=())
        try:
            fill(c)
            for zhost in c.zhosts.values():
                zhost.kill()
            answers = {path: c.get(path) for path in ASKED}
            c.zrms.kill()
            write_store(c.directory / "zrms" / "zrms.db", store)
            (store / "answers.json").write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
        finally:
            c.stop()


if __name__ == "__main__":
    main()
