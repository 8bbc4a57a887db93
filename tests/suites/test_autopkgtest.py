"""debian/tests, run by Debian's autopkgtest on a fresh root of each suite; a fault in the package is found."""

import os
import subprocess

import pytest

from tests.package.building import output

LIMIT_S = 900
PACKAGES = ['dpkg-dev', 'python3-libvirt', 'sysvinit-utils']
# Of what autopkgtest asks of a test bed, a root that is thrown away has enough for all but a reboot.
WORDS = ['autopkgtest', '--no-built-binaries', '--ignore-restrictions=breaks-testbed,isolation-container']
INSIDE = """
root=$1
shift
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && exec "$@"
"""


def autopkgtest(root, folder, deb, checkout):
    """(exit code, {test: how it ended}, all that was printed)."""
    summary = os.path.join(folder, 'summary')
    words = WORDS + ['--summary-file=' + summary, deb, checkout + '/', '--', 'chroot', root]
    done = subprocess.run(['unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', 'sh', '-ec', INSIDE,
                           'sh', root] + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=LIMIT_S)
    with open(summary) as f:
        return done.returncode, dict(line.split()[:2] for line in f if line.split()), done.stdout


@pytest.mark.parametrize('suite', ['bookworm', 'trixie', 'forky'])
def test_autopkgtest(suite, package, checkout, mmdebstrap, tmp_path):
    root = str(tmp_path / 'root')
    mmdebstrap(suite, PACKAGES, root, '--format=directory', '--skip=cleanup/apt/lists')
    code, ended, printed = autopkgtest(root, str(tmp_path), package.path, checkout)
    # The reboot needs a machine: that test is left out, which is code 2.
    assert ended == {'simulate': 'PASS', 'installed': 'PASS', 'reboot': 'SKIP'}, printed
    assert code == 2, printed


def test_control_autopkgtest_finds_a_fault(package, checkout, mmdebstrap, tmp_path):
    """Of a package whose purge leaves a file behind."""
    broken, root = str(tmp_path / 'broken'), str(tmp_path / 'root')
    output(['dpkg-deb', '-R', package.path, broken])
    # At its beginning: it may end early.
    output(['sed', '-i', '2i touch /var/lib/kvm-graceful-left', os.path.join(broken, 'DEBIAN', 'postrm')])
    output(['dpkg-deb', '--root-owner-group', '-b', broken, broken + '.deb'])
    mmdebstrap('bookworm', PACKAGES, root, '--format=directory', '--skip=cleanup/apt/lists')
    code, ended, printed = autopkgtest(root, str(tmp_path), broken + '.deb', checkout)
    assert (ended['simulate'], ended['installed']) == ('PASS', 'FAIL'), printed
    assert '/var/lib/kvm-graceful-left' in printed
    assert code & 4, printed  # some test failed
