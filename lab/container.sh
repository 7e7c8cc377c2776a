#!/bin/sh
# Becomes the container: container.sh NAME NSPAWN-ARGUMENTS…
# Every host gets control groups of its own: in shared ones the systemd of one host would count, and end, processes of
# another.
set -eu
name=$1
shift
for tree in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  [ -f "$tree/cgroup.procs" ] || continue
  case $tree in
    */systemd) own=$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup) ;;
    *) own=$(sed -n 's/^0:://p' /proc/self/cgroup) ;;
  esac
  group="$tree${own%/}/$name-$$"
  mkdir "$group"
  echo $$ >"$group/cgroup.procs"
done
exec systemd-nspawn --machine="$name" "$@"
