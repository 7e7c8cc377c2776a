#!/bin/sh
# Becomes the container: container.sh CGROUPS-FILE NSPAWN-ARGUMENTS…
# Every host gets control groups of its own (written to CGROUPS-FILE): in shared ones the systemd of one host would
# count, and end, processes of another.
set -eu
cgroups=$1
shift
for tree in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  [ -f "$tree/cgroup.procs" ] || continue
  case $tree in
    */systemd) own=$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup) ;;
    *) own=$(sed -n 's/^0:://p' /proc/self/cgroup) ;;
  esac
  group="$tree${own%/}/$(basename -- "$(dirname -- "$cgroups")")-$$"
  mkdir "$group"
  echo "$group" >>"$cgroups"
  echo $$ >"$group/cgroup.procs"
done
exec systemd-nspawn "$@"
