#!/bin/sh
# Runs a command on a host's file system that keeps nothing: enter.sh LOWER UPPER WORK ROOT SETUP COMMAND…
# Wants to be started in mount and network namespaces of its own. COMMAND `outside …` runs in the same network, on this machine's disk.
set -eu
lower=$1 upper=$2 work=$3 root=$4 setup=$5
shift 5

mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount --rbind /dev "$root/dev"
ip link set lo up
ip link add host0 type veth peer name peer0
ip link set host0 up
ip link set peer0 up
ip address add 10.77.0.11/24 dev host0
ip address add fd00:77::12/64 dev host0 nodad
chroot "$root" sh -c "$setup"
if [ "$1" = outside ]; then
    shift
    exec "$@"
fi
exec chroot "$root" "$@"
