"""Machines whose clock is wrong by a year, or by more than a certificate lives: what is refused says what to do, and
the clock set right is all that it takes. A clock is that of one daemon (libfaketime), and is set while it runs."""
import pathlib

import pytest
from conftest import until
from secure import SecureCluster, needs_an_address
from test_join import ShortLived, create, ends, joiner, says

LIBRARY = next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
pytestmark = [needs_an_address,
              pytest.mark.skipif(LIBRARY is None, reason="there is no libfaketime: tools/setup test")]
DIFFERS = "your clock differs by 365 days from the clock of the other end; set the one that is wrong"
AHEAD, BEHIND = "+365d", "-365d"


class Clock:
    """Of one daemon."""

    def __init__(self, daemon, shift):
        self.file = daemon.cluster.directory / f"{daemon.name}.clock"
        self.set(shift)
        library, file = LIBRARY, self.file
        daemon.command[:0] = ["env", f"LD_PRELOAD={library}", f"FAKETIME_TIMESTAMP_FILE={file}", "FAKETIME_NO_CACHE=1",
                              "FAKETIME_DONT_FAKE_MONOTONIC=1"]

    def set(self, shift):
        new = self.file.with_suffix(".new")
        new.write_text(f"{shift}\n")
        new.rename(self.file)


@pytest.fixture
def alone(start_cluster):
    return start_cluster(kind=SecureCluster, zhosts=())


@pytest.mark.parametrize("shift", [AHEAD, BEHIND])
def test_a_machine_that_is_a_year_off_joins_with_the_same_word_once_its_clock_is_right(alone, shift):
    zhost = joiner(alone, "n1", create(alone))
    clock = Clock(zhost, shift)
    ends(zhost, DIFFERS)
    assert not (alone.directory / "n1" / "credentials" / "identity.pem").exists()
    clock.set("+0")
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")


def test_a_machine_that_is_ahead_by_more_than_its_certificate_lives_does_not_join(alone):
    zhost = joiner(alone, "n1", create(alone))
    clock = Clock(zhost, "+8d")
    ends(zhost, "the certificate that zrms issues has ended by this machine's clock, 24 h ago: your clock differs by 8 days "
                "from that of zrms; set the one that is wrong, then give the same command again")
    assert not (alone.directory / "n1" / "credentials" / "identity.pem").exists()
    clock.set("+0")
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")


@pytest.mark.parametrize("shift", [AHEAD, BEHIND])
def test_a_machine_that_has_joined_is_back_when_its_clock_is_right(alone, shift):
    zhost = joiner(alone, "n1", create(alone))
    clock = Clock(zhost, "+0")
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    says(zhost, "accepted zrms=")  # zrms knows it a moment before it does itself
    zhost.kill()
    clock.set(shift)
    zhost.start()
    says(zhost, DIFFERS)
    before = (alone.directory / "n1" / "credentials" / "identity.pem").read_bytes()
    accepted = zhost.log.read_text().count("accepted zrms=")
    clock.set("+0")
    until(lambda: zhost.log.read_text().count("accepted zrms=") > accepted, "it is accepted again")
    assert (alone.directory / "n1" / "credentials" / "identity.pem").read_bytes() == before


def test_a_renewal_under_a_clock_that_jumps_a_year_ahead_keeps_what_there_is_and_says_so(start_cluster):
    c = start_cluster(kind=ShortLived, zhosts=())
    zhost = joiner(c, "n1", create(c))
    clock = Clock(zhost, "+0")
    zhost.start()
    c.wait_zhost("n1", "deployed-started")
    clock.set(AHEAD)
    says(zhost, "renewal.failed")
    text = next(line for line in zhost.log.read_text().splitlines() if "renewal.failed" in line)
    assert "the certificate that zrms issues has ended by this machine's clock" in text
    assert "set the one that is wrong" in text
    says(zhost, DIFFERS)  # its link has ended with its certificate
    clock.set("+0")
    c.wait_zhost("n1", "deployed-started")
    until(lambda: zhost.log.read_text().count("accepted zrms=") >= 2, "it is accepted again")
    assert zhost.log.read_text().count("renewal.failed") < 20  # and not on each of its links


def test_a_zrms_that_is_a_year_ahead_is_told_from_a_wrong_certificate(alone):
    zhost = joiner(alone, "n1", create(alone))
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    alone.zrms.kill()
    clock = Clock(alone.zrms, AHEAD)
    alone.start_zrms()
    says(zhost, DIFFERS)
    alone.zrms.kill()
    clock.set("+0")
