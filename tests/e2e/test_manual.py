"""The manual: its commands as they are written, its pages as zrms serves them, and `mex explain`."""
import gzip
import os
import re
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import BIN, ROOT, free_port, run

MANUAL = ROOT / "docs" / "manual"
RUN = [chapter for chapter in sorted(MANUAL.glob("*.md")) if "```sh\n" in chapter.read_text()]


def test_each_chapter_with_commands_is_run():
    assert [chapter.stem for chapter in RUN] == ["getting-started", "operations", "rollouts"]


@pytest.mark.parametrize("chapter", RUN, ids=lambda chapter: chapter.stem)
def test_the_commands_of_a_chapter_do_what_it_says(chapter, tmp_path):
    """All of its blocks in one shell, which ends with the first command that fails. The cluster has a port of its own, and misses
    a zhost sooner."""
    port = free_port()
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in BIN.iterdir():
        (programs / program.name).symlink_to(program)
    (programs / "startz").unlink()
    (programs / "startz").write_text(
        f"#!/bin/sh\nif [ \"$1\" = up ]; then exec {BIN}/startz \"$@\" --programs {BIN} --api 127.0.0.1:{port} --heartbeat 200ms "
        f"--failure-timeout 2s; fi\nexec {BIN}/startz \"$@\"\n")
    (programs / "startz").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    blocks = re.findall(r"^```sh\n(.*?)^```", chapter.read_text(), re.M | re.S)
    env = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}", HOME=str(home), ZRMS_URL=f"http://127.0.0.1:{port}")
    try:
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-x"], input="\n".join(blocks), cwd=tmp_path, env=env, capture_output=True, text=True,
                              timeout=300, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    finally:
        run(BIN / "startz", "down", "--dir", tmp_path / "lab", check=False)


# ---- pages ----

def fetch(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        return answer.status, dict(answer.headers), answer.read()


def test_zrms_serves_the_manual(cluster):
    status, headers, body = fetch(f"{cluster.url}/docs")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"The manual of Samoza" in body
    assert fetch(f"{cluster.url}/docs/")[2] == body, "as people type it"
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    pages = set(re.findall(r'href="([a-zA-Z0-9-]+\.html)"', body.decode()))
    assert {"topology-yaml.html", "operations.html", "troubleshooting.html", "THREATS.html"} <= pages
    for page in sorted(pages):
        assert fetch(f"{cluster.url}/docs/{page}")[0] == 200, page
    # Indented blocks are commands, too.
    assert b"<pre><code>sudo apt install" in fetch(f"{cluster.url}/docs/howto-three-machines.html")[2]
    # Compressed, for those who take it so, it is the same.
    plain = fetch(f"{cluster.url}/docs/topology-yaml.html")[2]
    _, headers, packed = fetch(f"{cluster.url}/docs/topology-yaml.html", **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == plain
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(f"{cluster.url}/docs/topology-yaml.html", **{"If-None-Match": headers["ETag"]})
    assert refused.value.code == 304
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(f"{cluster.url}/docs/nothing.html")
    assert refused.value.code == 404


def test_the_reference_has_every_field(cluster):
    """What the JSON Schema knows has a heading, a value and an example there."""
    import json
    schema = json.loads(run(BIN / "mex", "schema", "topology").stdout)
    page = fetch(f"{cluster.url}/docs/topology-yaml.html")[2].decode()

    def resolve(one):
        while "$ref" in one or "items" in one:
            one = schema["$defs"][one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one["items"]
        return one

    def fields(one, prefix):
        for name, field in resolve(one).get("properties", {}).items():
            yield f"{prefix}{name}"
            yield from fields(field, f"{prefix}{name}.")

    found = list(fields(schema, ""))
    assert len(found) > 80 and "spaces.placement.near.within" in found
    headings = re.findall(r"<h[1-4][^>]*>([A-Za-z_.]+)</h", page)
    assert [name for name in found if name not in headings] == []
    assert page.count("<pre>") >= len(found)


# ---- mex explain ----

def test_mex_explains_a_field():
    text = run(BIN / "mex", "explain", "spaces.health.interval").stdout
    assert text.startswith("spaces.health.interval\n\n  Time between two checks.\n")
    assert "Without it:     10s\n" in text and "New version:    takes effect in place\n" in text
    assert text.endswith("      health:\n        tcp: \"5432\"\n        interval: 30s\n"), text
    # A key alone is enough where there is one only.
    assert run(BIN / "mex", "explain", "max_skew").stdout.startswith("spaces.placement.spread.max_skew\n")
    assert run(BIN / "mex", "explain", "manifest.rollout.policy").stdout.count("blue-green") >= 2
    several = run(BIN / "mex", "explain", "name", check=False)
    assert several.returncode == 1 and "there are several fields 'name': metadata.name, spaces.name" in several.stderr
    unknown = run(BIN / "mex", "explain", "spaces.conut", check=False)
    assert unknown.returncode == 1 and "did you mean 'count'?" in unknown.stderr
