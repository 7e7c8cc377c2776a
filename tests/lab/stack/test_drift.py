"""Whatever somebody changes by hand on a host is shown and repaired; what nobody changed is never shown."""

from __future__ import annotations

import pytest

from tests.lab.stack.checkout import Checkout, eventually

DRIFTS = {
    "content of a file": ("edge1", "echo '# by hand' >> /etc/haproxy/haproxy.cfg", "# by hand"),
    "mode of a file": ("edge1", "chmod 0666 /etc/haproxy/haproxy.cfg", "0666"),
    "owner of a file": ("edge1", "chown nobody /etc/keepalived/keepalived.conf", "nobody"),
    "a file that is gone": ("app1", "rm /etc/systemd/system/web@.service", "web@.service"),
    "a package that is gone": ("edge2", "dpkg --remove --force-depends curl", "curl"),
    "a unit that is stopped": ("app1", "systemctl stop web@8001.service", "web@8001.service"),
    "a unit that is disabled": ("edge2", "systemctl disable keepalived.service", "keepalived.service"),
    "a user that was changed": ("app2", "usermod --shell /bin/bash web", "/bin/bash"),
    "a sysctl that was changed": ("app1", "sysctl -w net.core.somaxconn=128", "net.core.somaxconn"),
    "a file in a release": ("app2", "echo 'x = 1' >> /opt/soundstage/web/web/page.py", "/opt/soundstage/web"),
    "a service that does not answer": (
        "app2",
        "kill -STOP $(systemctl show -p MainPID --value web@8001.service)",
        "healthy",
    ),
}


@pytest.mark.parametrize("kind", DRIFTS)
def test_drift_is_shown_and_repaired(stack: Checkout, kind: str) -> None:
    host, command, shown = DRIFTS[kind]
    stack.on(host, command)
    text = stack.make("drift", expect=2)
    assert host in text
    assert shown in text
    stack.make("up")
    stack.make("drift", expect=0)


def test_an_untouched_fleet_has_no_drift_after_a_reboot(stack: Checkout) -> None:
    for host in ("edge2", "app1"):
        stack.lab("reboot", host)
    eventually(lambda: "running" in stack.on("app1", "systemctl is-system-running", expect=None), 60, "app1 is up")
    stack.make("drift", expect=0)


def test_an_untouched_fleet_has_no_drift_after_log_rotation_and_security_updates(stack: Checkout) -> None:
    for host in ("edge1", "app1"):
        stack.on(host, "journalctl --rotate && journalctl --vacuum-size=1M -q")
        stack.on(host, "test ! -e /etc/logrotate.conf || logrotate --force /etc/logrotate.conf")
        stack.on(host, "unattended-upgrade")
    stack.make("drift", expect=0)


def test_refresh_prints_the_line_that_somebody_changed(stack: Checkout) -> None:
    stack.on("edge1", "sed -i 's/timeout tunnel .*/timeout tunnel 5s/' /etc/haproxy/haproxy.cfg")
    try:
        text = stack.pulumi("refresh --preview-only --diff -s lab")
        assert "timeout tunnel" in text
        assert "+" in text
        assert "timeout tunnel 5s" in text
    finally:
        stack.make("up")
