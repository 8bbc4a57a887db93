"""debian/tests/reboot, as autopkgtest runs it on a machine that can reboot; tests/suites has the other tests of debian/tests."""

import base64
import io
import os
import tarfile

import pytest

from tests.host.host import AGAIN
from tests.package.building import TOP

SOURCES = ('debian/tests/reboot', 'tests/__init__.py', 'tests/lab/__init__.py', 'tests/lab/guest.py', 'tests/lab/guest.asm')
FOLDER = '/usr/src/kvm-graceful-shutdown'
# What autopkgtest puts there: it does not come back.
AUTOPKGTEST_REBOOT = "printf '#!/bin/sh\\n[ \"$1\" = down ] && %s && sleep 10000\\n' >/tmp/autopkgtest-reboot; chmod +x /tmp/autopkgtest-reboot"


def sources():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w:gz') as tar:
        for name in SOURCES:
            tar.add(os.path.join(TOP, name), name)
    return base64.b64encode(packed.getvalue()).decode()


@pytest.mark.on('systemd', 'sysvinit')
@pytest.mark.parametrize('installed', [True, False], ids=['installed', 'control-without-the-package'])
def test_reboot(suite, new_host, installed):
    host = new_host({}, installed=installed)
    if not installed:
        host.run({'systemd': 'systemctl mask --now libvirt-guests', 'sysvinit': 'update-rc.d libvirt-guests disable'}[suite.init])
    host.run('mkdir -p %s && base64 -d <<<%s | tar -C %s -xzf -' % (FOLDER, sources(), FOLDER))
    host.run(AUTOPKGTEST_REBOOT % {'systemd': 'reboot', 'sysvinit': 'init 6'}[suite.init])
    assert host.goes_down('cd %s && debian/tests/reboot' % FOLDER) == AGAIN
    host.machine.start_again()
    host.machine.wait_until_up()
    answer = host.attempt('cd %s && AUTOPKGTEST_REBOOT_MARK=down debian/tests/reboot' % FOLDER)
    print(answer.text)
    if installed:
        assert answer.code == 0
        assert 'Exit code 0: as planned' in answer.text
    else:
        # There is no program to report; what the disks say is looked at after that.
        assert answer.code != 0
        said = host.run("for image in /var/lib/libvirt/images/kvm-graceful-test/*.img; do dd if=$image bs=512 skip=1 count=1 2>/dev/null | tr -d '\\0'; done")
        assert said.split() == ['DIRTY'] * 3
