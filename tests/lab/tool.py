"""kvm-graceful as the tests and the demo run it: a process inside a private libvirtd's namespaces, or beside a running
one, with configuration and state of its own."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from tests.versions.roots import command

from .libvirtd import child_of

OLD_LIBVIRT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'oldlibvirt.py')
CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Ended:
    """How one call of the program ended. `exit` is what a shell would see: 128+n for an end by signal n."""

    def __init__(self, words, status, out, err, seconds, cpu_s):
        self.words, self.out, self.err, self.seconds, self.cpu_s = words, out, err, seconds, cpu_s
        self.exit = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    @property
    def json(self):
        return json.loads(self.out)

    def guest(self, name):
        """The guest of that name in the run that a `--json` call printed."""
        return {guest['name']: guest for guest in self.json['guests']}[name]

    def __repr__(self):
        return ('%s: exit %d after %.2f s\n--- stdout\n%s\n--- stderr\n%s'
                % (' '.join(self.words), self.exit, self.seconds, self.out, self.err))


class Running:
    """A command that is under way, in a private libvirtd's namespaces or (`libvirtd` None) beside the running one.

    `shown`: its output goes where ours goes, instead of into Ended. `env` is added to the environment.
    """

    def __init__(self, words, libvirtd=None, env=None, shown=False):
        self._words, self._inside, self.patience_s = words, bool(libvirtd), None
        self._files = [] if shown else [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
        out, err = self._files or (None, None)
        self._started = time.monotonic()
        # A session of its own: Ctrl-C would end the nsenter in front of the command and not the command.
        self._process = subprocess.Popen(libvirtd.command(words) if libvirtd else words,
                                         env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
                                         stdout=out, stderr=err, start_new_session=True)

    def pid(self):
        """The program's process id, as seen from outside."""
        return child_of(self._process.pid) if self._inside else self._process.pid

    def signal(self, number):
        os.kill(self.pid(), number)

    def go_on(self):
        """After a SIGSTOP: nsenter has stopped itself with it, and lets it go on when it does."""
        os.kill(self._process.pid, signal.SIGCONT)

    def is_running(self):
        if self._process.returncode is not None:
            return False
        # WNOWAIT: wait() wants the status too, with the CPU time.
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def wait(self, limit_s=120):
        """Ended; the program is killed and the test fails when it takes longer than `limit_s`."""
        limit_s = min(limit_s, self.patience_s or limit_s)
        while self.is_running():
            if time.monotonic() - self._started > limit_s:
                self.signal(signal.SIGKILL)
                raise AssertionError('%s: still there after %d s' % (' '.join(self._words), limit_s))
            time.sleep(0.01)
        seconds = time.monotonic() - self._started
        _pid, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = status  # so that Popen does not look for it again
        texts = []
        for f in self._files:
            f.seek(0)
            texts.append(f.read().decode('utf-8', 'surrogateescape'))
            f.close()
        out, err = texts or ('', '')
        return Ended(self._words, status, out, err, seconds, usage.ru_utime + usage.ru_stime)


class Tool:
    """The program with a configuration and a state directory below `folder`. `libvirtd` None: beside a running one.

    `api`: the release of libvirt whose API it gets to see, see oldlibvirt.py, None for all; `root`: it runs under Python 2.7
    in this root (see tests/versions/roots.py); `python`: of this machine, where there is no root.
    """

    def __init__(self, folder, libvirtd=None, api=None, root=None, python='/usr/bin/python3'):
        self.folder, self.libvirtd, self._root, self._python = folder, libvirtd, root, python
        self.config = os.path.join(folder, 'default')
        self.guests = os.path.join(folder, 'guests.conf')
        self.state = os.path.join(folder, 'state')
        self._program = as_installed(libvirtd.folder, api) if libvirtd else os.path.join(CHECKOUT, 'bin', 'kvm-graceful')
        self.started, self.patience_s = [], None  # every Running; how long each is waited for at most, whatever wait() is told
        os.makedirs(folder, exist_ok=True)

    def take_out(self, *cures):
        """From now on the program is one without these cures: (file in kvm_graceful, a text in it, what stands there instead)."""
        copy = os.path.join(self.folder, 'without')
        shutil.copytree(os.path.dirname(os.path.dirname(self._program)), copy, ignore=shutil.ignore_patterns('__pycache__'))
        for name, old, new in cures:
            path = os.path.join(copy, 'kvm_graceful', name)
            with open(path) as f:
                text = without(f.read(), name, old, new)
            with open(path, 'w') as f:
                f.write(text)
        self._program = os.path.join(copy, 'bin', 'kvm-graceful')

    def configure(self, config=None, guests=None):
        """Write the configuration file and guests.conf; None leaves the one that is there, or none."""
        for path, text in ((self.config, config), (self.guests, guests)):
            if text is not None:
                with open(path, 'wb') as f:
                    f.write(text if isinstance(text, bytes) else text.encode())

    def words(self, verb, *arguments):
        """The command line. `report` reads no configuration, `set` no records."""
        options = ['--state-dir', self.state] if verb != 'set' else []
        if verb != 'report':
            options += ['--config', self.config, '--guests', self.guests]
        words = [self._program, verb] + options + list(arguments)
        if self._root is None:
            return [self._python, '-BEs'] + words
        # The folders of the private libvirtd are where libvirt has them; so is the one with the program, and our own.
        places = [self.libvirtd.folder, '/run', '/etc/libvirt', '/var/lib/libvirt']
        return command(self._root, ['python2.7', '-BEs'] + words, [(place, place, 'rw') for place in places], own_pids=False,
                       clean=False)

    def start(self, verb, *arguments, before=(), **options):
        """Running. `before`: words in front of the command line, such as strace's; `options`: those of Running."""
        running = Running(list(before) + self.words(verb, *arguments), self.libvirtd, **options)
        running.patience_s = self.patience_s
        self.started.append(running)
        return running

    def run(self, verb, *arguments, limit_s=120, **options):
        return self.start(verb, *arguments, **options).wait(limit_s)

    def runlevel(self, says):
        """An environment in which the command `runlevel` prints `says`: '2 0' on a host that goes down, else 'N 2'."""
        folder = os.path.join(self.folder, 'bin')
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, 'runlevel')
        with open(path, 'w') as f:
            f.write("#!/bin/sh\necho '%s'\n" % says)
        os.chmod(path, 0o755)
        return {'PATH': folder + ':/usr/sbin:/usr/bin:/sbin:/bin'}


def without(text, name, old, new):
    """`text` of the file `name`, in which `old` stands once, with `new` in its place."""
    assert text.count(old) == 1, '%s has %d times: %s' % (name, text.count(old), old)
    return text.replace(old, new)


def as_installed(folder, api=None):
    """The program as the package installs it, compiled and readable for everybody: a copy in `folder`, made once."""
    copy = os.path.join(folder, 'program' + ('-' + api if api else ''))
    if not os.path.exists(copy):
        for name in ('bin', 'kvm_graceful'):
            shutil.copytree(os.path.join(CHECKOUT, name), os.path.join(copy, name),
                            ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
        if api:
            # Where the program looks first: it finds this in place of the binding.
            with open(OLD_LIBVIRT) as source, open(os.path.join(copy, 'libvirt.py'), 'w') as f:
                f.write(source.read().replace("RELEASE = 'of today'", 'RELEASE = %r' % api))
        subprocess.run(['chmod', '-R', 'a+rX', copy], check=True)
        subprocess.run(['/usr/bin/python3', '-m', 'compileall', '-q', copy], check=True)
    return os.path.join(copy, 'bin', 'kvm-graceful')
