"""Debian releases for their Pythons: packages unpacked into a folder of the user's cache, and commands run in there.

Nothing is installed, no maintainer script runs: a root takes some 15 seconds to make, and the tests never write into it.
"""

import contextlib
import fcntl
import hashlib
import inspect
import os
import shutil
import subprocess
import tempfile

CACHE = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'kvm-graceful-shutdown')
CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

COMMON = ['base-files', 'dash', 'coreutils', 'sed', 'grep', 'findutils', 'util-linux', 'dpkg', 'diffutils', 'libc-bin',
          'python3-all', 'python3-libvirt']
# Debian 11 is the last with Python 2. Its binding of libvirt is made below, from the last release that knows Python 2.
# The rest is what the maintainer scripts of our packages call.
EXTRA = {'bullseye': ['python2.7', 'libpython2.7-dev', 'libvirt-dev', 'gcc', 'pkgconf', 'tar', 'gzip', 'python3-pip',
                      'python3-setuptools', 'ca-certificates', 'sysvinit-utils', 'init-system-helpers', 'perl-base']}
BINDING, DAEMON = 'libvirt-python==5.10.0', 'python-daemon==2.2.4'  # the last for Python 2
ARGPARSE = 'argparse==1.0.1'  # of September 2009; 1.1 came in March 2010, after the feature freeze of Ubuntu 10.04
OLD_ARGPARSE = '/usr/local/lib/as-2.6/argparse.py'
# Its generator gives up on functions newer than itself. It names them: they are taken out of the description of the API.
MAKE_BINDING = r'''
set -eu
cd "$(mktemp -d)"
python3 -m pip --quiet download --no-binary :all: --no-deps "$1"
tar -xzf libvirt-python-*.tar.gz
cd libvirt-python-*/
api=/usr/share/libvirt/api/libvirt-api.xml
python2.7 generator.py libvirt $api >generator.log 2>&1 || true
for function in $(sed -n 's/^ERROR: failed //p' generator.log); do
    sed -i "/<function name='$function' /,/<\/function>/d" $api
done
python2.7 setup.py --quiet install
python3 -m pip --quiet download --only-binary :all: --no-deps "$2"
python3 -m zipfile -e python_daemon-*.whl /usr/local/lib/python2.7/dist-packages
python3 -m pip --quiet download --no-binary :all: --no-deps "$3"
python3 -m zipfile -e argparse-*.zip .
mkdir -p "${4%/*}"
cp argparse-*/argparse.py "$4"
python2.7 -c 'import daemon, libvirt, libvirt_qemu'
'''
ENTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'enter.sh')


class RootError(Exception):
    """A root cannot be made here; the text says why."""


def checked(words, **options):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode:
        raise RootError('%s: %s' % (' '.join(words[:2]), done.stdout.strip()[-2000:]))
    return done.stdout


def root(suite):
    """Path of the root of that Debian release; made where it is not there. Raises RootError."""
    if os.geteuid():
        raise RootError('a root of another Debian release needs root')
    packages = COMMON + EXTRA.get(suite, [])
    recipe = (packages, BINDING, DAEMON, ARGPARSE, OLD_ARGPARSE, MAKE_BINDING, inspect.getsource(_make))
    recipe = hashlib.sha256(repr(recipe).encode()).hexdigest()[:8]
    path = os.path.join(CACHE, 'python-%s-%s' % (suite, recipe))
    os.makedirs(CACHE, exist_ok=True)
    with open(path + '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the one who comes second finds it made
        if not os.path.isdir(path):
            draft = tempfile.mkdtemp(prefix='python-%s-draft-' % suite, dir=CACHE)
            try:
                _make(suite, packages, draft)
                os.chmod(draft, 0o755)
                os.rename(draft, path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return path


def _make(suite, packages, folder):
    checked(['mmdebstrap', '--quiet', '--mode=root', '--variant=extract', '--format=directory',
             '--aptopt=Acquire::Languages "none"',
             '--aptopt=Acquire::Check-Valid-Until "false"',  # forky's list of packages counts as expired
             '--include=' + ','.join(packages), suite, folder])
    for name in ('proc', 'sys', 'dev', 'run', 'tmp', 'etc/libvirt', 'var/lib/libvirt'):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    if not os.path.islink(folder + '/var/run'):  # base-files replaces it when it is installed
        os.rmdir(folder + '/var/run')
        os.symlink('/run', folder + '/var/run')
    if 'python2.7' not in packages:
        return
    for source in ('/etc/resolv.conf', '/etc/hosts', CERTIFICATES):
        with contextlib.suppress(FileNotFoundError):
            os.makedirs(os.path.dirname(folder + source), exist_ok=True)
            shutil.copyfile(source, folder + source)
    environment = {name: text for name, text in os.environ.items()
                   if name.lower().endswith('_proxy') or name in ('PIP_INDEX_URL', 'PIP_CERT', 'SSL_CERT_FILE')}
    checked(['chroot', folder, 'sh', '-c', MAKE_BINDING, 'sh', BINDING, DAEMON, ARGPARSE, OLD_ARGPARSE],
            env=dict(environment, PATH=PATH, HOME='/root', LC_ALL='C.UTF-8'))


def pythons(path):
    """Names of the Pythons in a root, such as ['python2.7', 'python3.9'], oldest first."""
    found = [name for name in os.listdir(os.path.join(path, 'usr/bin'))
             if name.startswith(('python2.', 'python3.')) and name[8:].isdigit()]
    return sorted(found, key=lambda name: (int(name[6]), int(name[8:])))


def command(path, words, binds=(), own_pids=True, layer='', clean=True):
    """`words` as a command that runs in a root, in namespaces of its own. `binds`: (path outside, path below /tmp or one that
    exists in there, a file's too, 'ro' or 'rw'); `own_pids`: it sees no other process, and takes those that it leaves behind
    with it; `layer`: a folder that takes what is written, in place of a root that cannot be written to; `clean`: nothing of our
    environment goes in.
    """
    unshare = ['unshare', '--mount', '--propagation', 'private']
    if own_pids:
        # It ends with whoever started it: a test run that is ended leaves nothing behind.
        unshare = ['setpriv', '--pdeathsig', 'KILL'] + unshare + ['--pid', '--fork', '--kill-child']
    binds = [word for bind in binds for word in bind]
    environment = ['env', '-i', 'PATH=' + PATH, 'HOME=/root', 'LC_ALL=C.UTF-8', 'PYTHONDONTWRITEBYTECODE=1'] if clean else []
    return (unshare + ['sh', ENTER, path, 'own' if own_pids else 'same', layer] + binds + ['--']
            + environment + list(words))
