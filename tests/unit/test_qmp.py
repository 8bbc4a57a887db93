"""QEMU's monitor and the guest agent, as real sockets with a hostile other end: bounded in size and time."""
from __future__ import absolute_import, division, print_function

import json
import os
import shutil
import socket
import tempfile
import threading
import unittest

from kvm_graceful.clock import Clock
from kvm_graceful.errors import QemuSilent
from kvm_graceful.hypervisor import direct, qmp


class Served(unittest.TestCase):
    """`serve(behave)`: a socket whose first client `behave(connection)` talks to."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, 'sock')
        self.limit_s, direct.AGENT_SYNC_S = direct.AGENT_SYNC_S, 0.5
        self.takes_s, direct.AGENT_TAKES_S = direct.AGENT_TAKES_S, 0.2

    def tearDown(self):
        direct.AGENT_SYNC_S, direct.AGENT_TAKES_S = self.limit_s, self.takes_s
        shutil.rmtree(self.folder)

    def serve(self, behave):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.path)
        listener.listen(5)

        def work():
            connection = listener.accept()[0]
            try:
                behave(connection)
            except (OSError, IOError):
                pass
            connection.close()
            listener.close()
        thread = threading.Thread(target=work)
        thread.daemon = True
        thread.start()

    def agent(self, behave):
        """What asking that agent comes to, and how long it took."""
        self.serve(behave)
        clock = Clock()
        began = clock.now()
        try:
            said = direct.ask_agent(self.path, clock)
        except QemuSilent as error:
            said = 'silent: %s' % error
        self.assertTrue(clock.now() - began < 5)
        return said


def synced(connection):
    """Answers the first question as qemu-ga does; gives back a file of the lines that follow."""
    lines = connection.makefile('rb')
    question = json.loads(lines.readline().rsplit(b'\xff', 1)[-1].decode('ascii'))
    connection.sendall(b'{"return": 99}\n\xff' + json.dumps({'return': question['arguments']['id']}).encode('ascii') + b'\n')
    return lines


class Agent(Served):
    def test_one_that_works(self):
        got = []

        def behave(connection):
            lines = synced(connection)
            got.append(json.loads(lines.readline().decode('ascii'))['execute'])
        self.assertEqual('', self.agent(behave))
        self.assertEqual(['guest-shutdown'], got)

    def test_one_that_refuses(self):
        def behave(connection):
            synced(connection).readline()
            connection.sendall(b'{"error": {"class": "GenericError", "desc": "not today"}}\n')
            connection.recv(1)
        self.assertEqual('not today', self.agent(behave))

    def test_one_that_is_silent(self):
        self.assertEqual('the guest agent does not answer', self.agent(lambda connection: connection.recv(1 << 20) and connection.recv(1)))

    def test_one_that_floods(self):
        def behave(connection):
            while True:
                connection.sendall(b'x' * 65536)
        self.assertTrue(self.agent(behave).startswith('silent'))

    def test_one_that_floods_in_lines(self):
        def behave(connection):
            while True:
                connection.sendall(b'{"return": 0}\n' * 4096)
        self.assertEqual('the guest agent does not answer', self.agent(behave))

    def test_one_that_says_nonsense(self):
        for text in (b'\n\n\n]', b'{"return": {"a": []}', b'[' * 50000, b'[]', b'"x"', b'\xff\xfe\x00'):
            said = self.agent(lambda connection, text=text: connection.sendall(text + b'\n') or connection.recv(1))
            self.assertTrue(said, text)
            os.unlink(self.path)

    def test_none(self):
        self.assertEqual('its agent has no socket', direct.ask_agent('', Clock()))
        self.assertRaises(QemuSilent, direct.ask_agent, self.path, Clock())


class Lines(Served):
    def test_a_link_is_no_socket(self):
        self.serve(lambda connection: None)
        os.symlink(self.path, self.path + '-link')
        self.assertRaises(QemuSilent, qmp.Line, self.path + '-link')
        self.assertTrue(qmp.Line(self.path).connected)

    def test_what_is_no_path_of_a_socket(self):
        for path in ('/', '/etc/passwd', self.folder + '/' + 200 * 'x', 'a\0b'):
            self.assertRaises(QemuSilent, qmp.Line, path)

    def test_errors_of_any_type(self):
        for error in (None, 5, 'x', [], {}, {'desc': 7}, {'desc': 'x' * 1000}):
            self.assertTrue(len(qmp.error_in({'error': error})) <= 200)


if __name__ == '__main__':
    unittest.main()
