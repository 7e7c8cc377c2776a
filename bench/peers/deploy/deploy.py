"""The items of bench/fleet/items.py as one writes them for pyinfra; runs in the environment of bench/peers."""

from __future__ import annotations

import json
from pathlib import Path

from pyinfra import host
from pyinfra.operations import apt, files, server, systemd
from pyinfra.operations.util import any_changed

items = json.loads(Path(host.data.items).read_text())

apt.packages(packages=items["packages"], no_recommends=True)
for user in items["users"]:
    server.user(user=user, system=True, ensure_home=False, home=items["home"], shell=items["shell"])

units = [
    files.put(src=f"{items['tree']}/etc/systemd/system/{name}", dest=f"/etc/systemd/system/{name}", mode="644")
    for name in items["services"]
]
systemd.daemon_reload(_if=any_changed(*units))
revision = files.template(
    src=items["changing"], dest="/etc/bench/part-0/file-0.conf", mode="644", revision=host.data.revision
)
for number in range(items["parts"]):
    # A whole directory is one operation, and its files are compared by one command.
    where = f"/etc/bench/part-{number}"
    copied = files.sync(src=f"{items['tree']}{where}", dest=where, mode="644", dir_mode="755")
    service = f"bench-{number}.service"
    if service in items["services"]:
        systemd.service(service=service, running=True, enabled=True)
        changed = any_changed(copied, revision) if number == 0 else copied.did_change
        systemd.service(service=service, restarted=True, _if=changed)
