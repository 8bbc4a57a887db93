"""A container with an init system, libvirtd and guests, without machine scopes: nothing but a unit's own order keeps libvirtd
until the guests are off."""

import subprocess

import pytest

from tests.host.images import Suite, make_root, write_texts
from tests.lab.guest import LabGuest
from tests.lab.libvirtd import LabError

DELAYS_S = {'a': 3, 'b': 6}
LIMIT_S = 400
UNIT = """\
[Unit]
After=libvirtd.service multi-user.target
DefaultDependencies=no
[Service]
ExecStart=/bin/bash -c 'exec bash -x /lab/run.sh >/lab/said 2>&1'
KillMode=process
TimeoutStopSec=1
"""
RUN = """
virsh="virsh -q -c qemu:///system"
until $virsh version; do sleep 0.3; done
[ ! -e /lab/package.deb ] || dpkg -i /lab/package.deb
for name in a b; do $virsh define /lab/$name.xml && $virsh start $name; done
until [ "$(cat /lab/*.log | grep -c READY)" = 2 ]; do sleep 0.2; done
systemctl list-units --no-legend 'machine-qemu*.scope' >/lab/scopes
systemctl is-enabled libvirt-guests >/lab/libvirt-guests
systemctl start --no-block --job-mode=replace-irreversibly poweroff.target
"""
ENTER = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn -D "$2/root" -M "kgs-$$" --register=no --keep-unit --private-network \
    --console=passive --link-journal=no --bind="$2/lab:/lab" --bind=/dev/net/tun --capability=all --boot
"""


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp('container') / 'root')
    try:
        make_root(Suite('bookworm', 'systemd'), folder)
    except LabError as e:
        pytest.skip(str(e))
    write_texts(folder, {'etc/systemd/system/lab.service': UNIT, 'etc/hostname': 'container\n'})
    subprocess.run(['chroot', folder, 'systemctl', 'add-wants', 'multi-user.target', 'lab.service'], check=True)
    return folder


@pytest.mark.parametrize('installed', [True, False], ids=['installed', 'control-libvirt-guests-alone'])
def test_container_without_machine_scopes(installed, root, package, tmp_path):
    for name in ('upper', 'work', 'root', 'lab'):
        (tmp_path / name).mkdir()
    lab = tmp_path / 'lab'
    (lab / 'run.sh').write_text(RUN)
    if installed:
        (lab / 'package.deb').write_bytes(open(package.path, 'rb').read())
    guests = [LabGuest(str(lab), name, delay_s=delay_s) for name, delay_s in DELAYS_S.items()]
    for guest in guests:
        (lab / (guest.name + '.xml')).write_text(guest.xml.replace(str(lab), '/lab'))
    subprocess.run(['sh', '-c', 'chmod 755 "$1" && chmod 666 "$1"/*.img', 'sh', str(lab)], check=True)
    done = subprocess.run(['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private',
                           'sh', '-ec', ENTER, 'sh', root, str(tmp_path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=LIMIT_S)
    seen = done.stdout.decode(errors='replace')[-3000:] + (lab / 'said').read_text()[-3000:]
    assert done.returncode == 0, seen
    assert (lab / 'scopes').read_text() == '', 'there are machine scopes here'
    assert (lab / 'libvirt-guests').read_text() == 'enabled\n'
    assert [guest.disk_says() for guest in guests] == ['CLEAN' if installed else 'DIRTY'] * 2, seen
