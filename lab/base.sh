#!/bin/sh
# Turns a freshly unpacked Debian into the base of all hosts: base.sh ROOT ARCHIVE ARCHIVE-AS-SEEN-BY-HOSTS
# Runs in a mount namespace of its own.
set -eu
root=$1 archive=$2 seen=$3

rm -f "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/apt/sources.list.d/* "$root"/etc/ssh/ssh_host_*
echo "deb [trusted=yes] file:$seen ./" >"$root/etc/apt/sources.list"
echo 'Acquire::Languages "none";' >"$root/etc/apt/apt.conf.d/90lab"
mkdir -p "$root$seen"
mount --bind "$archive" "$root$seen"
chroot "$root" apt-get update

chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/deploy"
chmod 0440 "$root/etc/sudoers.d/deploy"

# The network is static; a host without a console needs no login on it; the journal survives a power cut.
chroot "$root" systemctl enable systemd-networkd.service
chroot "$root" systemctl mask console-getty.service systemd-networkd-wait-online.service
mkdir -p "$root/var/log/journal"
: >"$root/etc/machine-id"
rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
