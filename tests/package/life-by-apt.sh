#!/bin/bash
# Called by mmdebstrap with a fresh root: life-by-apt.sh ROOT REPOSITORY NOTES. apt installs the package by its name from
# the repository, and does all else that it does to a package; each step leaves a note.
set -eu
root=$1 repository=$2 notes=$3

inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
apt() { inside apt-get -qq -y -o Dpkg::Use-Pty=0 "$@" >>"$notes/apt.log" 2>&1; }
# All but what apt, dpkg and the logs keep of their own.
files() {
    inside find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /srv -o -path /var/cache \
        -o -path /var/log -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /root/.cache \) -prune -o -print | sort >"$notes/$1"
}
# shellcheck disable=SC2016 # dpkg-query's own variables
version() { inside dpkg-query -W -f '${Version} ${db:Status-Status}\n' kvm-graceful-shutdown >"$notes/$1" 2>/dev/null || true; }

cp -r "$repository" "$root/srv/repository"
echo 'deb [trusted=yes] file:/srv/repository ./' >"$root/etc/apt/sources.list.d/local.list"
apt update
apt install kvm-graceful-shutdown # what a user types
version installed
files installed-files
apt purge kvm-graceful-shutdown
files first

lower=$(inside apt-cache madison kvm-graceful-shutdown | sed -n '$s/^[^|]*| *\([^ ]*\).*/\1/p')
apt install "kvm-graceful-shutdown=$lower"
version lower
inside kvm-graceful --version >"$notes/says"
rm "$root/etc/default/kvm-graceful-shutdown"
inside kvm-graceful --version >"$notes/says-without-default-file"
mkdir -p "$root/var/lib/kvm-graceful-shutdown"
echo '{}' >"$root/var/lib/kvm-graceful-shutdown/history.json"
apt install kvm-graceful-shutdown
version upgraded
apt install --reinstall kvm-graceful-shutdown
version reinstalled
[ -e "$root/etc/default/kvm-graceful-shutdown" ] || echo 'still deleted' >"$notes/default-file"
apt remove kvm-graceful-shutdown
version removed
apt purge kvm-graceful-shutdown
version purged
files last
