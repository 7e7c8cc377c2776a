#!/bin/sh
# Becomes the host: boot.sh BASE DISK NSPAWN-ARGUMENTS…  Runs in a mount namespace of its own, so that the overlay
# goes away together with the host, however it ends.
set -eu
base=$1 disk=$2
shift 2
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t overlay overlay -o "lowerdir=$base,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"
exec systemd-nspawn --directory="$disk/root" "$@"
