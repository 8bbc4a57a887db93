"""A real apcupsd, fed through its own network driver by a server that says what the test says (NIS protocol)."""

import contextlib
import os
import shutil
import socket
import socketserver
import struct
import subprocess
import tempfile
import threading

from tests.report.beside import CACHE

from .libvirtd import LabError, wait_until
from .nut import free_port

# script/test unpacks it there: it cannot be installed beside NUT.
DAEMON = os.path.join(CACHE, 'apcupsd/root/sbin/apcupsd')
# The bits of STATFLAG that its network driver goes by; the rest of STATUS it makes of them itself.
FLAGS = {'CAL': 0x1, 'ONLINE': 0x8, 'ONBATT': 0x10, 'LOWBATT': 0x40, 'COMMLOST': 0x100}
PRESENT = 0x05000000  # plugged in, and a battery is there


class Source(socketserver.ThreadingTCPServer):
    """Answers `status` as apcupsd of a UPS on another host would."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.values = {}
        super().__init__(('127.0.0.1', 0), Answer)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            while True:
                head = self.request.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    return
                self.request.recv(struct.unpack('>H', head)[0], socket.MSG_WAITALL)
                for name, value in self.server.values.items():
                    line = ('%-8s : %s\n' % (name, value)).encode()
                    self.request.sendall(struct.pack('>H', len(line)) + line)
                self.request.sendall(b'\0\0')


class Apcupsd:
    """apcupsd and its NIS on a free port of the loopback address. To be ended with close()."""

    def __init__(self):
        if not os.path.exists(DAEMON):
            raise LabError('apcupsd is not there')
        self.folder = tempfile.mkdtemp(prefix='kgs-apc-')
        self.port, self._source, self._process = free_port(), Source(), None
        self.says('ONLINE', 40, 100)
        path = os.path.join(self.folder, 'apcupsd.conf')
        with open(path, 'w') as f:
            f.write('## apcupsd.conf v1.1 ##\nUPSNAME lab\nUPSCABLE ether\nUPSTYPE net\nDEVICE 127.0.0.1:%d\nPOLLTIME 1\nLOCKFILE %s\n'
                    'SCRIPTDIR %s\nPWRFAILDIR %s\nNOLOGINDIR %s\nONBATTERYDELAY 0\nBATTERYLEVEL -1\nMINUTES -1\nTIMEOUT 0\n'
                    'NETSERVER on\nNISIP 127.0.0.1\nNISPORT %d\nEVENTSFILE %s/events\nSTATFILE %s/status\nUPSCLASS standalone\n'
                    'UPSMODE disable\n' % ((self._source.server_address[1],) + (self.folder,) * 4 + (self.port,) + (self.folder,) * 2))
        # What apcupsd calls at its events: nothing is to happen to this machine.
        script = os.path.join(self.folder, 'apccontrol')
        with open(script, 'w') as f:
            f.write('#!/bin/sh\necho "$1" >>%s/called\n' % self.folder)
        os.chmod(script, 0o755)
        self._process = subprocess.Popen([DAEMON, '-b', '-f', path, '-P', os.path.join(self.folder, 'pid')],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self._answers, 30, 'apcupsd answers', 0.2)
        except LabError:
            self.close()
            raise

    def says(self, status, minutes, percent):
        """`status`: words of FLAGS."""
        flags = PRESENT | sum(FLAGS[word] for word in status.split())
        self._source.values = {'APC': '001,036,0897', 'UPSNAME': 'far', 'MODEL': 'lab', 'STATUS': status, 'LINEV': '230.0 Volts',
                               'BCHARGE': '%.1f Percent' % percent, 'TIMELEFT': '%.1f Minutes' % minutes, 'STATFLAG': '0x%08X' % flags,
                               'SELFTEST': 'NO', 'LASTXFER': 'None', 'SERIALNO': '1'}

    def close(self):
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._source.shutdown()
        self._source.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
