"""Who host-stop ends: the host-start of its own state directory, and nobody else."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from kvm_graceful import hoststart
from kvm_graceful.clock import Clock


class Ending(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.program = os.path.join(self.folder, 'kvm-graceful')
        with open(self.program, 'w') as stream:
            stream.write('import sys, time\nsys.stdout.write("up\\n")\nsys.stdout.flush()\ntime.sleep(60)\n')
        self.children = []  # type: list

    def tearDown(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            child.stdout.close()
        shutil.rmtree(self.folder)

    def start(self, *words):
        child = subprocess.Popen((sys.executable, self.program) + words, stdout=subprocess.PIPE)
        self.children.append(child)
        child.stdout.readline()
        return child

    def test_the_one_of_this_state_directory_and_no_other(self):
        ours = [self.start(*words + ('--state-dir', self.folder)) for words in (('host-start',), ('start',), ('stop', '--shed'))]
        others = [self.start('host-start', '--state-dir', '/srv/other'), self.start('status', '--state-dir', self.folder),
                  self.start('host-start'), self.start('stop', '--state-dir', self.folder), self.start('start', '--shed')]
        hoststart.end('/', Clock(), self.folder)
        self.assertEqual([-15] * 3, [child.wait() for child in ours])
        self.assertEqual([None] * 5, [child.poll() for child in others])


if __name__ == '__main__':
    unittest.main()
