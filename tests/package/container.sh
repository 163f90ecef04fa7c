#!/bin/sh
# container.sh ROOT DATA USER COMMAND...: COMMAND with ROOT as its read-only root file system, DATA
# at /data, as USER (a number) without capabilities. Mounts are the process's own and go with it.
set -eu
if [ "${SLUICE_CONTAINED:-}" != yes ]; then
  SLUICE_CONTAINED=yes exec unshare --mount --propagation private sh "$0" "$@"
fi
unset SLUICE_CONTAINED
root=$1 data=$2 user=$3
shift 3
mkdir -p "$root/data" "$root/proc" "$root/dev" "$data"
chown "$user:$user" "$data"
mount --bind "$root" "$root"
mount --bind "$data" "$root/data"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
exec chroot --userspec="$user:$user" --groups= "$root" "$@"
