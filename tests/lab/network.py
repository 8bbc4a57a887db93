"""A network of hosts: network namespaces of their own on one bridge, with no way out."""

import subprocess

from .libvirtd import LabError

PREFIX = '10.77.0.'


class Network:
    """`hosts` namespaces; the first has the bridge. To be ended with close()."""

    def __init__(self, name, hosts):
        self._names = ['%s-%d' % (name, number) for number in range(hosts)]
        self._made = []
        try:
            for number, each in enumerate(self._names):
                self._ip('netns', 'add', each)
                self._made.append(each)
                self._ip('-n', each, 'link', 'set', 'lo', 'up')
                if number:
                    self._ip('-n', each, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'port%d' % number, 'netns', self._names[0])
                    self._ip('-n', self._names[0], 'link', 'set', 'port%d' % number, 'master', 'bridge', 'up')
                else:
                    self._ip('-n', each, 'link', 'add', 'bridge', 'type', 'bridge')
                device = 'eth0' if number else 'bridge'
                self._ip('-n', each, 'address', 'add', self.address(number) + '/24', 'dev', device)
                self._ip('-n', each, 'link', 'set', device, 'up')
        except BaseException:
            self.close()
            raise

    def address(self, number):
        return PREFIX + str(number + 1)

    def prefix(self, number):
        """Words in front of a command that runs in that host's network."""
        return ['nsenter', '--net=/run/netns/' + self._names[number]]

    def close(self):
        for each in reversed(self._made):
            subprocess.run(['ip', 'netns', 'delete', each], check=False)
        self._made = []

    def _ip(self, *words):
        ended = subprocess.run(('ip',) + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if ended.returncode:
            raise LabError('no network of namespaces: ip %s: %s' % (' '.join(words), ended.stdout.strip()))
