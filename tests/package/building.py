"""Makes a package from this checkout without touching it, and takes one apart."""
import collections
import os
import subprocess

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))

# `fields`: of the control file; `members`: path in the package -> mode as `ls` writes it; `root`, `control`: where the
# files and the control files are unpacked; `path`: the .deb.
Package = collections.namedtuple('Package', 'path fields members root control')


def run(words, **options):
    """(exit code, standard output, standard error) of a command."""
    options.setdefault('stdin', subprocess.DEVNULL)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, **options)
    return done.returncode, done.stdout, done.stderr


def output(words, **options):
    """Standard output of a command that has to succeed."""
    code, out, err = run(words, **options)
    assert code == 0, '%s: exit code %d\n%s%s' % (words, code, out, err)
    return out


def copy_of_checkout(folder):
    """A git checkout in `folder` with what a commit of this work tree would hold, made without touching this one."""
    git = ['git', '-c', 'safe.directory=' + TOP, '-C', TOP]
    listed = output(git + ['ls-files', '-z', '--cached', '--others', '--exclude-standard']).split('\0')
    there = '\0'.join(name for name in listed if name and os.path.lexists(os.path.join(TOP, name)))
    os.makedirs(folder)
    packed = subprocess.run(['tar', '-C', TOP, '--null', '-T', '-', '-cf', '-'], input=there.encode(), check=True,
                            stdout=subprocess.PIPE).stdout
    subprocess.run(['tar', '-C', folder, '--no-same-owner', '-xf', '-'], input=packed, check=True)
    output(['git', '-C', folder, 'init', '-q'])
    output(['git', '-C', folder, 'add', '-A'])
    return folder


def build(checkout, outdir, *options):
    """Path of the .deb that script/build-deb makes there: the last line that it prints."""
    return output([os.path.join(checkout, 'script', 'build-deb')] + list(options) + [outdir]).splitlines()[-1]


def unpacked(path, folder):
    """The .deb at `path` as a Package."""
    root, control = os.path.join(folder, 'root'), os.path.join(folder, 'control')
    os.makedirs(folder, exist_ok=True)
    output(['dpkg-deb', '-x', path, root])
    output(['dpkg-deb', '-e', path, control])
    fields = dict(line.split(': ', 1) for line in output(['dpkg-deb', '-f', path]).splitlines()
                  if not line.startswith(' '))
    members = {}
    for line in output(['dpkg-deb', '-c', path], env=dict(os.environ, LC_ALL='C')).splitlines():
        mode, owner, _size, _day, _time, name = line.split(None, 5)
        assert owner == 'root/root', line
        members[name.split(' -> ')[0][1:]] = mode
    return Package(path, fields, members, root, control)


def with_unit_flags(checkout, flags):
    """Changes how debian/rules of a checkout calls dh_installsystemd: `flags` instead of --no-stop-on-upgrade."""
    path = os.path.join(checkout, 'debian', 'rules')
    with open(path) as stream:
        rules = stream.read()
    assert rules.count('dh_installsystemd --no-stop-on-upgrade ') == 1
    with open(path, 'w') as stream:
        stream.write(rules.replace('dh_installsystemd --no-stop-on-upgrade ', 'dh_installsystemd %s ' % flags))


def with_higher_version(path, folder):
    """Path of the same package with a 9 before its version, made in `folder`."""
    version = output(['dpkg-deb', '-f', path, 'Version']).strip()
    root = os.path.join(folder, 'higher')
    output(['dpkg-deb', '-R', path, root])
    control = os.path.join(root, 'DEBIAN', 'control')
    with open(control) as stream:
        text = stream.read()
    assert text.count('Version: %s\n' % version) == 1
    with open(control, 'w') as stream:
        stream.write(text.replace('Version: %s\n' % version, 'Version: 9%s\n' % version))
    output(['dpkg-deb', '--root-owner-group', '-b', root, root + '.deb'])
    return root + '.deb'
