"""Kernel profile: what a host that carries live audio asks of its kernel, persisted and live.

In a container some keys are the machine's or missing; the host says which, and they count as neither done nor drift.
"""

from __future__ import annotations

from roles.kernel_profile.spec import KernelProfileSpec
from roles.model import File, Role


def role(spec: KernelProfileSpec) -> Role:
    """Deep queues, large buffers, BBR with fair queueing, and no slow start after a silence."""
    buffer = spec.socket_buffer_bytes
    values = {
        "net.core.somaxconn": spec.listen_backlog,
        "net.ipv4.tcp_max_syn_backlog": spec.listen_backlog,
        "net.core.netdev_max_backlog": spec.device_backlog,
        "net.core.rmem_max": buffer,
        "net.core.wmem_max": buffer,
        "net.ipv4.tcp_rmem": f"4096 131072 {buffer}",
        "net.ipv4.tcp_wmem": f"4096 65536 {buffer}",
        "net.core.default_qdisc": "fq",
        "net.ipv4.tcp_congestion_control": "bbr",
        "net.ipv4.tcp_slow_start_after_idle": 0,
        "net.ipv4.tcp_mtu_probing": 1,
        "fs.file-max": spec.open_files,
        "fs.nr_open": spec.open_files_per_process,
        "kernel.sched_rt_runtime_us": spec.realtime_microseconds,
    }
    if spec.binds_virtual_ip:
        values |= {"net.ipv4.ip_nonlocal_bind": 1, "net.ipv6.ip_nonlocal_bind": 1}
    return Role(
        name="kernel-profile",
        sysctl={key: str(value) for key, value in values.items()},
        files={
            "/etc/modules-load.d/soundstage.conf": File(
                content="# Loaded before the sysctls that name them are set.\ntcp_bbr\nsch_fq\n"
            )
        },
    )
