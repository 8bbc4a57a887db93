#!/bin/sh
# Runs a command in a root, in a mount namespace that is there already: enter.sh ROOT own|same LAYER [FROM TO ro|rw]... -- COMMAND
# own: it has a process namespace of its own. LAYER: a folder for what is written; empty: nothing can be written.
set -e
root=$1 pids=$2 layer=$3
shift 3
if [ -n "$layer" ]; then
    mkdir -p "$layer/upper" "$layer/work" "$layer/root"
    mount -t overlay -o "lowerdir=$root,upperdir=$layer/upper,workdir=$layer/work" overlay "$layer/root"
    root=$layer/root
else
    # Read-only: what the cache holds stays as it is.
    mount --bind "$root" "$root"
    mount -o remount,bind,ro "$root"
fi
mount -t tmpfs tmpfs "$root/tmp"
if [ "$pids" = own ]; then mount -t proc proc "$root/proc"; else mount --rbind /proc "$root/proc"; fi
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
while [ "$1" != -- ]; do
    [ -e "$root$2" ] || mkdir -p "$root$2"
    mount --rbind "$1" "$root$2"
    [ "$3" != ro ] || mount -o remount,bind,ro "$root$2"
    shift 3
done
shift
exec chroot "$root" "$@"
