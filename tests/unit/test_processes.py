"""Which process is a guest's QEMU: anybody may put a guest's UUID on a command line."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import tempfile
import unittest

from kvm_graceful.hypervisor import processes, statusfiles
from kvm_graceful.hypervisor.qemuprocess import Process

URI = 'qemu:///system'
STATUS = ("<domstatus state='running' reason='booted' pid='%d'><monitor path='/m' type='unix'/>"
          "<domain type='qemu' id='1'><name>%s</name><uuid>%s</uuid></domain></domstatus>")


class Claims(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        os.makedirs(os.path.join(self.root, 'run/libvirt/qemu'))
        os.makedirs(os.path.join(self.root, 'proc'))

    def tearDown(self):
        shutil.rmtree(self.root)

    def process(self, pid, started, uuid, name='web', program='/usr/bin/qemu-system-x86_64'):
        folder = os.path.join(self.root, 'proc', str(pid))
        os.mkdir(folder)
        for entry, text in (('cmdline', '\0'.join([program, '-name', 'guest=%s,x=y' % name, '-uuid', uuid, ''])),
                            ('stat', '%d (a) S %s' % (pid, ' '.join(['1'] * 18 + [str(started), '0'])))):
            with open(os.path.join(folder, entry), 'wb') as stream:
                stream.write(text.encode('ascii'))
        return Process(pid, started)

    def status(self, pid, uuid, name='web'):
        with open(os.path.join(self.root, 'run/libvirt/qemu', name + '.xml'), 'wb') as stream:
            stream.write((STATUS % (pid, name, uuid)).encode('ascii'))

    def test_the_one_that_libvirt_started_whichever_is_the_elder(self):
        for real, impostor in ((100, 200), (200, 100)):
            qemu = self.process(real, real, 'u1')
            self.process(impostor, impostor, 'u1', program='sleep')
            self.status(real, 'u1')
            self.assertEqual({'u1': qemu}, statusfiles.processes_by_uuid(URI, self.root))
            shutil.rmtree(os.path.join(self.root, 'proc'))
            os.mkdir(os.path.join(self.root, 'proc'))

    def test_without_a_status_file_the_elder(self):
        self.process(300, 900, 'u1')
        elder = self.process(400, 800, 'u1')
        self.assertEqual({'u1': elder}, statusfiles.processes_by_uuid(URI, self.root))
        self.assertEqual({'u1': elder}, processes.by_uuid(self.root))

    def test_a_status_file_that_names_a_process_of_another_guest_decides_nothing(self):
        elder = self.process(300, 800, 'u1')
        self.process(400, 900, 'u1')
        other = self.process(500, 700, 'u2', name='db')
        self.status(500, 'u1')
        self.assertEqual({'u1': elder, 'u2': other}, statusfiles.processes_by_uuid(URI, self.root))


if __name__ == '__main__':
    unittest.main()
