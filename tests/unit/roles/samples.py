"""One role of each kind as this platform uses it, and the other settings where they change the text."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_interface, ip_network

from roles import baseline, firewall, haproxy, keepalived, kernel_profile, kv_store, nginx, preflight, sshd, web_server
from roles.balancer.spec import BalancerSpec, Frontend, HealthCheck, Server, Statistics, Upstream
from roles.baseline.spec import AudioSlice, BaselineSpec, JournalLimits, SecurityUpdates, TimeSync
from roles.firewall.spec import FirewallSpec
from roles.keepalived.spec import KeepalivedSpec
from roles.kernel_profile.spec import KernelProfileSpec
from roles.kv_store.spec import KeyValueStoreSpec
from roles.model import Requirements, Role
from roles.preflight.spec import PreflightSpec
from roles.sshd.spec import SshdSpec
from roles.web_server.spec import WebServerSpec

SHA256 = "6" * 64
MANAGEMENT = (ip_network("10.77.0.1"),)
EDGES = (ip_network("10.77.0.11"), ip_network("10.77.0.12"), ip_network("fd00:77::12"))

BALANCER = BalancerSpec(
    frontends=(
        Frontend(name="web", port=80, upstream="web", client_sources=(ip_network("10.77.0.0/24"),)),
        Frontend(name="key-value", port=8100, upstream="key-value", client_sources=(ip_network("10.77.0.0/24"),)),
    ),
    upstreams=(
        Upstream(
            name="web",
            servers=(
                Server(name="app1-8001", address=ip_address("10.77.0.13"), port=8001),
                Server(name="app2-8001", address=ip_address("10.77.0.14"), port=8001),
            ),
        ),
        Upstream(name="key-value", servers=(Server(name="app1", address=ip_address("10.77.0.13"), port=8100),)),
    ),
    statistics=Statistics(address=ip_address("10.77.0.11"), sources=MANAGEMENT),
)

BALANCER_OTHERWISE = BalancerSpec(
    frontends=(
        Frontend(
            name="audio",
            port=8080,
            upstream="by-client",
            addresses=(ip_address("127.0.0.1"), ip_address("::1")),
            client_sources=(ip_network("0.0.0.0/0"), ip_network("::/0")),
            health_path="/alive",
        ),
    ),
    upstreams=(
        Upstream(
            name="by-client",
            algorithm="source",
            servers=(
                Server(name="one", address=ip_address("fd00:77::13"), port=8001),
                Server(name="two", address=ip_address("fd00:77::14"), port=8001),
            ),
            health_check=HealthCheck(path="/ready", interval_seconds=0.5, timeout_seconds=0.3, fall=3, rise=1),
        ),
        Upstream(
            name="least-loaded",
            algorithm="least_connections",
            servers=(Server(name="one", address=ip_address("10.77.0.15"), port=9000),),
            response_timeout_seconds=2.5,
            tunnel_timeout_seconds=86_400,
        ),
    ),
    statistics=Statistics(address=ip_address("::1"), port=9404, user="listener", sources=(ip_network("::1"),)),
    maintenance=("by-client/two",),
    health_port=9405,
    trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
    max_connections=1000,
    old_worker_seconds=60,
)

SAMPLES: Mapping[str, Role] = {
    "preflight": preflight.role(
        PreflightSpec(
            duties=(
                Requirements(systems=("debian:12", "ubuntu:24.04"), kernel="5.4", memory_bytes=512 * 2**20, cpus=1),
                Requirements(systems=("debian:12",), kernel="5.10", interfaces=("host0",), clock_offset_seconds=2),
            )
        )
    ),
    "sshd": sshd.role(SshdSpec(address=ip_address("10.77.0.11"), users=("deploy", "operator"))),
    "firewall": firewall.role(
        FirewallSpec(
            management_sources=(ip_network("10.77.0.1"), ip_network("10.77.0.0/28"), ip_network("fd00:77::/64"))
        )
    ),
    "baseline": baseline.role(BaselineSpec()),
    "baseline-otherwise": baseline.role(
        BaselineSpec(
            time_sync=TimeSync(servers=("ntp1.example.org", "10.77.0.1")),
            security_updates=SecurityUpdates(at="05:30", excluded_packages=("haproxy",)),
            journal=JournalLimits(max_use_bytes=64 * 2**20, keep_free_bytes=0, retention_days=7),
            audio_slice=AudioSlice(cpu_weight=9000, io_weight=900, cpu_quota_percent=150, allowed_cpus="0-1"),
        )
    ),
    "kernel-profile": kernel_profile.role(KernelProfileSpec(binds_virtual_ip=True)),
    "web-server": web_server.role(
        WebServerSpec(
            address=ip_address("10.77.0.13"),
            ports=(8001, 8002),
            label="Server 1",
            balancer_sources=EDGES,
            release_sha256=SHA256,
            release_source="apps/web",
        )
    ),
    "kv-store": kv_store.role(
        KeyValueStoreSpec(
            address=ip_address("10.77.0.13"), sources=EDGES, release_sha256=SHA256, release_source="apps/kv_store"
        )
    ),
    "haproxy": haproxy.role(BALANCER),
    "haproxy-otherwise": haproxy.role(BALANCER_OTHERWISE),
    "nginx": nginx.role(BALANCER),
    "nginx-otherwise": nginx.role(BALANCER_OTHERWISE),
    "keepalived": keepalived.role(
        KeepalivedSpec(
            host="edge1",
            interface="host0",
            address=ip_address("10.77.0.11"),
            peers=(ip_address("10.77.0.12"),),
            virtual_ip=ip_interface("10.77.0.100/24"),
            virtual_router_id=51,
            priority=150,
            health_url=BALANCER.health_url,
        )
    ),
    "keepalived-alone": keepalived.role(
        KeepalivedSpec(
            host="edge1",
            interface="host0",
            address=ip_address("10.77.0.11"),
            virtual_ip=ip_interface("10.77.0.100/24"),
            virtual_router_id=51,
            priority=150,
            health_url=BALANCER.health_url,
        )
    ),
    "keepalived-otherwise": keepalived.role(
        KeepalivedSpec(
            host="edge2",
            interface="host0",
            address=ip_address("fd00:77::12"),
            peers=(ip_address("fd00:77::11"), ip_address("fd00:77::10")),
            virtual_ip=ip_interface("fd00:77::100/64"),
            virtual_router_id=52,
            priority=100,
            preempt=True,
            preempt_delay_seconds=30,
            advert_interval_seconds=1,
            health_url=BALANCER_OTHERWISE.health_url,
            served_by="nginx.service",
        )
    ),
}
