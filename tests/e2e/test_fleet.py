"""`zbench fleet`: a real zrms with many simulated zhosts. What comes of it, not how long it takes."""
import json
import subprocess

import pytest

from conftest import BIN

SMALL = ["fleet", "--zhosts", "50", "--instances", "500", "--topology", "100", "--lost", "5",
         "--heartbeat", "1s", "--idle", "1s", "--runs", "1", "--quiet", "-o", "json"]


def zbench(*arguments):
    return subprocess.run([str(BIN / "zbench"), *arguments], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False)


def test_a_small_fleet_runs_everything_and_what_is_lost_starts_elsewhere(tmp_path):
    done = zbench(*SMALL, "--scratch", str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["zhosts"] == 50 and result["instances"] == 500
    # Spread evenly: each zhost had ten of them.
    assert result["recovered"] == 50, result
    for part in ("join_s", "running_s", "cpu_us", "rss_mib", "idle_wait_ms", "status_p99_ms", "event_p99_ms",
                 "recovery_s"):
        assert result[part] > 0, part
    assert not list(tmp_path.iterdir()), "nothing of it is left"


@pytest.mark.parametrize("options, why", [
    (["--instances", "150", "--topology", "100"], "not a multiple"),
    (["--zhosts", "10", "--lost", "10"], "leaves none"),
    (["--svg", "x.svg"], "--growth"),
])
def test_sizes_that_make_no_sense_are_refused(options, why):
    done = zbench("fleet", "--quiet", *options)
    assert done.returncode != 0 and why in done.stderr, done.stderr
