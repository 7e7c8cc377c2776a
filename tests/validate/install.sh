#!/bin/sh
# Installs packages over the lab's base image, starting no daemon: install.sh IMAGE PART ARCHIVE PACKAGE…
# Runs in a mount namespace of its own; what the installation changes ends up in PART/upper.
set -eu
image=$1 part=$2 archive=$3
shift 3

mount -t overlay overlay -o "lowerdir=$image/root,upperdir=$part/upper,workdir=$part/work" "$part/root"
mount -t proc proc "$part/root/proc"
mount --rbind /dev "$part/root/dev"
mount --bind "$image/archive" "$part/root$archive"
printf '#!/bin/sh\nexit 101\n' >"$part/root/usr/sbin/policy-rc.d"
chmod 0755 "$part/root/usr/sbin/policy-rc.d"
DEBIAN_FRONTEND=noninteractive chroot "$part/root" apt-get install --yes --no-install-recommends "$@"
chroot "$part/root" ssh-keygen -A
