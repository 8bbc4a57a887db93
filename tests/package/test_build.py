"""script/build-deb: the same bytes whoever builds where and when, a checkout that stays as it was, and clear errors."""
import hashlib
import os
import shutil
import subprocess

import pytest

from tests.package.building import output, run


def digest(path):
    with open(path, 'rb') as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def test_same_bytes_in_another_place_at_another_time_whatever_git_does_not_track(package, checkout, tmp_path):
    source = str(tmp_path / 'elsewhere' / 'under a name with spaces')
    shutil.copytree(checkout, source, symlinks=True)
    with open(os.path.join(source, 'kvm_graceful', 'scratch.py'), 'w') as stream:
        stream.write('"""Nobody added this."""\n')
    for folder, _, names in os.walk(source):
        for name in names:
            if '/.git/' not in folder + '/':
                os.utime(os.path.join(folder, name), (10 ** 9, 10 ** 9), follow_symlinks=False)
    program = os.path.join(source, 'script', 'build-deb')
    environment = dict(os.environ, TZ='Pacific/Auckland', LC_ALL='C', TMPDIR=str(tmp_path))
    printed = output(['sh', '-c', 'umask 077; exec "$1" out', 'sh', program], cwd=str(tmp_path), env=environment)
    other = printed.splitlines()[-1]
    assert other == str(tmp_path / 'out' / os.path.basename(package.path))
    assert digest(other) == digest(package.path)


def test_checkout_is_left_untouched_and_dist_is_the_default(checkout, tmp_path):
    source = str(tmp_path / 'source')
    shutil.copytree(checkout, source, symlinks=True)
    path = output([os.path.join(source, 'script', 'build-deb')]).splitlines()[-1]
    assert os.path.dirname(path) == os.path.join(source, 'dist')
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]
    # `dist` is ignored; were anything else new or changed, git would say so.
    status = output(['git', '-C', source, 'status', '--porcelain', '--ignored'])
    assert [line for line in status.splitlines() if not line.startswith('A  ')] == ['!! dist/']


@pytest.mark.parametrize('words', [('--help-me',), ('one', 'two'), ('',)])
def test_usage(checkout, words):
    code, out, err = run([os.path.join(checkout, 'script', 'build-deb')] + list(words))
    assert (code, out, err) == (2, '', 'usage: script/build-deb [--profile upstart] [OUTDIR]\n')


def test_not_a_git_checkout(checkout, tmp_path):
    source = str(tmp_path / 'source')
    shutil.copytree(checkout, source, symlinks=True)
    shutil.rmtree(os.path.join(source, '.git'))
    environment = dict(os.environ, GIT_CEILING_DIRECTORIES=str(tmp_path))
    code, out, err = run([os.path.join(source, 'script', 'build-deb')], env=environment)
    assert (code, out) == (1, '')
    assert err.startswith('build-deb: %s is no git checkout' % source)


def test_tracked_file_is_missing(checkout, tmp_path):
    source = str(tmp_path / 'source')
    shutil.copytree(checkout, source, symlinks=True)
    os.remove(os.path.join(source, 'LICENSE'))
    code, out, err = run([os.path.join(source, 'script', 'build-deb')])
    assert (code, out) == (1, '')
    assert err == 'build-deb: missing in %s, though git tracks it: LICENSE \n' % source


def test_output_folder_cannot_be_made(checkout, tmp_path):
    (tmp_path / 'file').write_text('')
    code, out, err = run([os.path.join(checkout, 'script', 'build-deb'), str(tmp_path / 'file' / 'out')])
    assert (code, out) == (1, '')
    assert err.splitlines()[-1] == 'build-deb: cannot create %s' % (tmp_path / 'file' / 'out')


def test_failed_build_shows_its_log_and_no_path(checkout, tmp_path):
    source = str(tmp_path / 'source')
    shutil.copytree(checkout, source, symlinks=True)
    with open(os.path.join(source, 'man', 'kvm-graceful.8.rst'), 'a') as stream:
        stream.write('\nA |word| that nobody defined.\n')
    code, out, err = run([os.path.join(source, 'script', 'build-deb'), str(tmp_path / 'out')])
    assert (code, out) == (1, '')
    assert 'Undefined substitution referenced: "word"' in err
    assert err.endswith('build-deb: the build failed\n')
    assert os.listdir(str(tmp_path / 'out')) == []


def test_lintian_finds_neither_errors_nor_warnings(package):
    done = subprocess.run(['lintian', '--fail-on', 'error,warning', '--tag-display-limit', '0', package.path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0, done.stdout


def test_control_lintian_finds_a_fault(package, tmp_path):
    """A package of ours without its manual page is refused."""
    root = str(tmp_path / 'root')
    output(['dpkg-deb', '-R', package.path, root])
    os.remove(os.path.join(root, 'usr/share/man/man8/kvm-graceful.8.gz'))
    broken = str(tmp_path / os.path.basename(package.path))
    output(['dpkg-deb', '--root-owner-group', '-b', root, broken])
    code, out, _ = run(['lintian', '--fail-on', 'error,warning', broken])
    assert code == 2
    assert 'no-manual-page' in out
