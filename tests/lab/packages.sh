# Sourced by the scripts (bash): become root, and install Debian packages that are missing.
# shellcheck shell=bash

# What tests/lab needs. The driver is named because libvirt-daemon only recommends it since Debian 13.
# shellcheck disable=SC2034
lab_packages=(nasm qemu-system-x86 libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients python3-libvirt)

# What tests/power needs. As installed, NUT starts nothing: its configuration says that there is no UPS.
# shellcheck disable=SC2034
power_packages=(nut-server nut-client iproute2)

# need_root "$@": starts the script again through sudo where it is not run by root.
need_root() {
    [ "$(id -u)" != 0 ] || return 0
    if ! command -v sudo >/dev/null; then
        echo "${0##*/}: this needs root, and there is no sudo: run it as root" >&2
        exit 1
    fi
    exec sudo -- "$0" "$@"
}

# install_missing PACKAGE...: as root; apt is not called when all are there.
install_missing() {
    local package missing=()
    for package; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing with apt: ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o Dpkg::Use-Pty=0 update >&2 ||
        echo "${0##*/}: apt-get update failed; trying with the package lists that are there" >&2
    if ! apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install "${missing[@]}" >&2; then
        echo "${0##*/}: apt could not install: ${missing[*]}" >&2
        return 1
    fi
}

# unpack_beside PACKAGE...: Debian packages whose installation would change how this machine boots, ends or listens: fetched with
# apt and unpacked into ~/.cache, not installed. A test that needs one and does not find it says so.
unpack_beside() {
    local package folder beside=${XDG_CACHE_HOME:-$HOME/.cache}/kvm-graceful-shutdown/beside
    for package; do
        folder=$beside/$package
        [ ! -e "$folder/complete" ] || continue
        echo "fetching with apt, not installed: $package" >&2
        rm -rf "$folder" && mkdir -p "$folder/root" &&
            (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "$package" &&
                dpkg-deb -x ./*.deb root && rm -f ./*.deb && touch complete) >&2 ||
            echo "${0##*/}: apt could not fetch $package" >&2
    done
}
