"""A host of Ubuntu 10.04 to 14.10 as the package sees it: Debian 11's Python 2.7, dpkg and dash in a root of their own, and
stand-ins that answer as upstart's and sysv-rc's commands were seen to. The package's own files run as installed."""
import os
import subprocess

from tests.versions import roots

# Each call is noted. `status libvirt-bin` gives one paragraph of its file after the other, the last one for ever; `start` and
# `stop` change the state at once.
COMMANDS = {
    'runlevel': '''
# The real one believes its environment more than utmp.
if [ -n "$RUNLEVEL" ]; then echo "${PREVLEVEL:-N} $RUNLEVEL"; exit 0; fi
[ -e /stand-ins/runlevel ] || { echo unknown; exit 1; }
cat /stand-ins/runlevel''',
    'initctl': 'echo "init (upstart $(cat /stand-ins/version))"',
    'status': '''
[ -e "/stand-ins/$1.1" ] || { echo "status: Unknown job: $1" >&2; exit 1; }
cat "/stand-ins/$1.1"
number=2
while [ -e "/stand-ins/$1.$number" ]; do mv "/stand-ins/$1.$number" "/stand-ins/$1.$((number - 1))"; number=$((number + 1)); done''',
    'start': 'echo "$1 start/running, process 4711" >"/stand-ins/$1.1"',
    'stop': 'echo "$1 stop/waiting" >"/stand-ins/$1.1"',
    'python': 'exec python2.7 "$@"',
    # As of sysv-rc 2.87: numbers count, links that are there stay, and `remove` wants the script to be gone.
    'update-rc.d': '''
force=
[ "$1" != -f ] || { force=yes; shift; }
name=$1 action=$2
case $action in
remove)
    [ -n "$force" ] || [ ! -e "/etc/init.d/$name" ] || { echo "update-rc.d: /etc/init.d/$name exists" >&2; exit 1; }
    rm -f /etc/rc?.d/[SK]??"$name" ;;
defaults | defaults-disabled)
    set -- x stop 20 0 1 6 . ;;
esac
[ "$action" != remove ] || exit 0
for link in /etc/rc?.d/[SK]??"$name"; do [ ! -L "$link" ] || exit 0; done
shift
while [ $# -gt 0 ]; do
    letter=K number=$2
    [ "$1" = stop ] || letter=S
    shift 2
    while [ "$1" != . ]; do mkdir -p "/etc/rc$1.d"; ln -s "../init.d/$name" "/etc/rc$1.d/$letter$number$name"; shift; done
    shift
done''',
}
PLACES = {'python': '/usr/bin', 'update-rc.d': '/usr/sbin'}


class OldHost(object):
    """Runlevel 2, libvirt-bin running, nothing of ours installed; or as the host `like` is. All that is written goes to
    `folder`. Raises RootError."""

    def __init__(self, folder, like=None):
        self._root = roots.root('bullseye')
        self._layer = folder
        self.upper = os.path.join(folder, 'upper')
        if like is not None:
            os.makedirs(folder)
            subprocess.run(['cp', '-a', like.upper, self.upper], check=True)
            return
        for name, text in COMMANDS.items():
            place = PLACES.get(name, '/usr/sbin' if os.path.islink(self._root + '/sbin') else '/sbin')
            self.write('%s/%s' % (place, name), '#!/bin/sh\necho "%s $*" >>/stand-ins/called\n%s\n' % (name, text), 0o755)
        self.write('/stand-ins/version', '0.6.5\n')
        self.write('/stand-ins/called', '')
        self.runlevel('N 2')
        self.libvirt_bin('libvirt-bin start/running, process 900')

    def path(self, name):
        return self.upper + name

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'w') as stream:
            stream.write(text)
        os.chmod(self.path(name), mode)

    def runlevel(self, says):
        """What runlevel(8) prints, such as '2 0'; None: there is no utmp."""
        if says is None:
            os.remove(self.path('/stand-ins/runlevel'))
        else:
            self.write('/stand-ins/runlevel', says + '\n')

    def libvirt_bin(self, *says):
        """What `status libvirt-bin` prints, call after call."""
        for name in os.listdir(self.path('/stand-ins')):
            if name.startswith('libvirt-bin.'):
                os.remove(self.path('/stand-ins/' + name))
        for number, text in enumerate(says, 1):
            self.write('/stand-ins/libvirt-bin.%d' % number, text + '\n')

    def command(self, words, binds, own_pids):
        """`words` as a command that runs in there; as roots.command."""
        return roots.command(self._root, words, binds, own_pids, self._layer)

    def run(self, script, *words, **environment):
        """(exit code, all output) of shell text in there."""
        settings = ['%s=%s' % pair for pair in environment.items()]
        words = ['env'] + settings + ['dash', '-c', script, 'sh'] + list(words)
        done = subprocess.run(roots.command(self._root, words, layer=self._layer), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        if 'overlay' in done.stdout and 'mount' in done.stdout:
            raise roots.RootError(done.stdout)
        return done.returncode, done.stdout

    def output(self, script, *words, **environment):
        """Output of shell text that has to succeed."""
        code, out = self.run(script, *words, **environment)
        assert code == 0, out
        return out

    def calls(self, *commands):
        """The calls of these stand-ins (all, if none is named) since the last time that this was asked."""
        with open(self.path('/stand-ins/called')) as stream:
            lines = stream.read().splitlines()
        self.write('/stand-ins/called', '')
        return [line for line in lines if not commands or line.split()[0] in commands]

    def dpkg(self, *words):
        """dpkg itself; what it needs is not installed in there, and not asked for."""
        folder = os.path.join(self.upper, 'deb')
        os.makedirs(folder, exist_ok=True)
        inside = []
        for word in words:
            if word.endswith('.deb'):
                subprocess.run(['cp', word, folder], check=True)
                word = '/deb/' + os.path.basename(word)
            inside.append(word)
        return self.output('exec dpkg --force-depends --force-confold "$@"', *inside)

    def ours(self):
        """Paths of all files of ours."""
        out = self.output("find /etc /run /usr /var -path /var/lib/dpkg -prune -o \\( -name '*kvm-graceful*' -o -path '*/kvm_graceful/*' "
                          "-o -path '*/kvm-graceful-shutdown/*' \\) \\( -type f -o -type l \\) -print | sort")
        return [name for name in out.split('\n') if name]
