"""What the platform is pinned to, as far as it is not pinned by a lock file (requirements.txt, toolchain/*/go.sum)."""

SYSTEMS = ("debian:12", "debian:13", "ubuntu:22.04", "ubuntu:24.04")
"""`ID:VERSION_ID` of the hosts: what the roles' configurations are written for."""

ARCHITECTURES = ("x86_64", "aarch64")

KERNEL = "5.10"
"""Oldest kernel of a host: cgroup v2 controllers, BBR and nftables sets as the roles use them."""
