"""Each suite's own lintian finds neither errors nor warnings in the package, and does find a fault."""

import os
import shutil

import pytest

from tests.package.building import output

HOOK = ('--customize-hook=cp "%(folder)s"/*.deb "$1/tmp/" && for name in good broken; do'
        ' chroot "$1" env LC_ALL=C.UTF-8 lintian --allow-root --fail-on error,warning --tag-display-limit 0 /tmp/$name.deb'
        ' >"%(folder)s/$name" 2>&1; echo "exit code $?" >>"%(folder)s/$name"; done')


@pytest.mark.parametrize('suite', ['bookworm', 'trixie', 'forky'])
def test_lintian(suite, package, mmdebstrap, tmp_path):
    shutil.copy(package.path, str(tmp_path / 'good.deb'))
    root = str(tmp_path / 'root')
    output(['dpkg-deb', '-R', package.path, root])
    os.remove(os.path.join(root, 'usr/share/man/man8/kvm-graceful.8.gz'))
    output(['dpkg-deb', '--root-owner-group', '-b', root, str(tmp_path / 'broken.deb')])
    mmdebstrap(suite, ['lintian'], '-', '--format=null', HOOK % {'folder': tmp_path})
    good, broken = ((tmp_path / name).read_text() for name in ('good', 'broken'))
    assert good.endswith('exit code 0\n'), good
    assert broken.endswith('exit code 2\n'), broken
    assert 'no-manual-page' in broken
