"""dpkg itself installs, upgrades, removes and purges the package, over this machine's own root, which stays as it is.

An overlay in a mount namespace of its own takes all that is written. There systemd is not running, so what the scripts
do to the unit is for test_maintainer_scripts.py; here it is what is left on the disk.
"""
import os

import pytest

from tests.package.building import TOP, output, run, with_higher_version

OURS = ('kvm-graceful', 'kvm_graceful')

# In the overlay, chrooted. $1: the .deb, $2: the same with a higher version, $3: the checkout. Each step notes what of
# ours is there.
STEPS = r'''
set -eu
checkout=$3
ours() {
    find /etc /opt /run /usr /var \
        \( -path "$checkout" -o -path /usr/src -o -path /var/tmp -o -path /var/cache \) -prune -o \
        \( -name '*kvm-graceful*' -o -path '*/kvm_graceful/*' \) -print | sort >"/deb/$1"
}
install() { dpkg --force-depends --force-confold -i "$1" >/dev/null; }
purge() { dpkg --force-depends --purge kvm-graceful-shutdown >/dev/null 2>&1; }
purge || true
rm -rf /var/lib/kvm-graceful-shutdown # of a program run from the checkout
ours before
install "$1"
ours installed
kvm-graceful --version >/deb/version
echo 'DEADLINE=77' >/etc/default/kvm-graceful-shutdown
mkdir -p /var/lib/kvm-graceful-shutdown
echo '{}' >/var/lib/kvm-graceful-shutdown/history.json
install "$2"
dpkg-query -W -f '${Version}\n' kvm-graceful-shutdown >/deb/upgraded
cat /etc/default/kvm-graceful-shutdown >/deb/kept
rm /etc/default/kvm-graceful-shutdown
install "$2"
kvm-graceful --version >/deb/version-without-default
dpkg --force-depends --remove kvm-graceful-shutdown >/dev/null
ours removed
sh /etc/init.d/kvm-graceful-shutdown stop >/deb/stop-after-removal 2>&1 || echo failed >>/deb/stop-after-removal
purge
ours purged
'''


@pytest.fixture(scope='module')
def life(package, tmp_path_factory):
    """{name: text} of all that the steps noted."""
    if os.geteuid():
        pytest.skip('needs root')
    folder = str(tmp_path_factory.mktemp('life'))
    for name in ('upper', 'work', 'root', 'deb', 'upper/deb'):
        os.mkdir(os.path.join(folder, name))
    output(['cp', with_higher_version(package.path, folder), os.path.join(folder, 'deb', 'higher.deb')])
    output(['cp', package.path, os.path.join(folder, 'deb', 'package.deb')])
    namespace = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c']
    mount = ('mount -t overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" overlay "$1/root" '
             '&& mount --bind "$1/deb" "$1/root/deb" '
             '&& mount --rbind /proc "$1/root/proc" && mount --rbind /dev "$1/root/dev"')
    code, _, err = run(namespace + [mount, 'sh', folder])
    if code:
        pytest.skip('no overlay can be mounted over / here: %s' % err.strip())
    inside = ' && exec chroot "$1/root" sh -c "$2" sh /deb/package.deb /deb/higher.deb "$3"'
    output(namespace + [mount + inside, 'sh', folder, STEPS, TOP],
           env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND': 'noninteractive', 'LC_ALL': 'C.UTF-8'})
    noted = {}
    for name in os.listdir(os.path.join(folder, 'deb')):
        if not name.endswith('.deb'):
            with open(os.path.join(folder, 'deb', name)) as stream:
                noted[name] = stream.read()
    return noted


def test_installed_program_runs(life, package):
    assert life['version'] == 'kvm-graceful %s\n' % package.fields['Version']
    installed = life['installed'].split('\n')
    assert '/usr/share/kvm-graceful-shutdown/kvm_graceful/cli.py' in installed
    # Compiled beforehand: the start-up time of host-stop counts.
    assert [name for name in installed if '/kvm_graceful/__pycache__/cli.cpython-' in name]
    assert [name for name in installed if name.startswith('/etc/rc0.d/K')]
    assert [name for name in installed if name.startswith('/etc/rc6.d/K')]
    assert '/etc/systemd/system/multi-user.target.wants/kvm-graceful-shutdown.service' in installed


def test_upgrade_keeps_the_administrator_s_settings(life, package):
    assert life['upgraded'] == '9%s\n' % package.fields['Version']
    assert life['kept'] == 'DEADLINE=77\n'


def test_works_without_its_default_file(life):
    assert life['version-without-default'] == life['version']


def test_removal_leaves_only_what_the_administrator_may_have_changed(life):
    left = set(life['removed'].split()) - set(life['before'].split())
    assert '/etc/init.d/kvm-graceful-shutdown' in left
    assert not [name for name in left if not name.startswith(('/etc/', '/var/lib/'))]
    assert life['stop-after-removal'] == ''


def test_purge_leaves_nothing(life):
    assert life['before'] == life['purged'] == ''
