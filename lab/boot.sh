#!/bin/sh
# Is the host's power supply: boot.sh BASE DISK --machine=NAME NSPAWN-ARGUMENTS…
# Runs in a mount namespace of its own, so that its mounts go away together with the host, however it ends.
set -eu
here=$(dirname -- "$0") base=$1 disk=$2 name=${3#--machine=}
shift 3
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t overlay overlay -o "lowerdir=$base,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"

reboot_wanted=133 status=$reboot_wanted
while [ "$status" -eq "$reboot_wanted" ]; do
  status=0
  sh "$here/container.sh" "$name" --directory="$disk/root" "$@" || status=$?
done
exit "$status"
