"""A program on a terminal of its own (a pty), and what stands on that terminal's screen (pyte)."""
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time

import pyte


class Screen:
    """The program `words` on a new terminal; `env` over an environment with TERM=xterm. Use as a context manager."""

    def __init__(self, words, columns=80, lines=24, env=None):
        self._master, slave = pty.openpty()
        self._drawn = pyte.HistoryScreen(columns, lines, history=2000, ratio=1)
        self._stream = pyte.ByteStream(self._drawn)
        self._lock = threading.Lock()
        self.raw = b''
        self.resize(columns, lines, tell=False)
        clean = {name: value for name, value in os.environ.items() if name not in ('NO_COLOR', 'TERM', 'COLUMNS', 'LINES')}
        # setsid: the terminal is the one that the program was started from, as a login's is. What is started in the background
        # of a script ignores Ctrl-C, and so would all below it.
        self.process = subprocess.Popen(['setsid', '--ctty', 'env', '--default-signal'] + words, stdin=slave, stdout=slave, stderr=slave,
                                        env=dict(clean, **dict({'TERM': 'xterm'}, **(env or {}))))
        os.close(slave)
        self.reading = threading.Event()
        self.reading.set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reading.set()
        self._reader.join(10)
        os.close(self._master)

    def _read(self):
        while True:
            self.reading.wait()
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            if not data:
                return
            with self._lock:
                self.raw += data
                self._stream.feed(data)

    def resize(self, columns, lines, tell=True):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack('hhhh', lines, columns, 0, 0))
        if tell:
            with self._lock:
                self._drawn.resize(lines, columns)

    def type(self, text):
        os.write(self._master, text)

    def lines(self):
        """What stands on the screen now, without the empty lines at its end."""
        with self._lock:
            shown = [line.rstrip() for line in self._drawn.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def everything(self):
        """The screen, and above it what has scrolled away."""
        with self._lock:
            above = [''.join(line[place].data for place in range(self._drawn.columns)).rstrip() for line in self._drawn.history.top]
        return above + self.lines()

    def colours(self):
        """The colours that letters on the screen have now."""
        with self._lock:
            return {cell.fg for line in self._drawn.buffer.values() for cell in line.values() if cell.data != ' '}

    def until(self, holds, limit_s=60):
        """Waits until `holds(lines)`; returns the lines."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            lines = self.lines()
            if holds(lines):
                return lines
            time.sleep(0.02)
        raise AssertionError('not seen in %d s; on the screen:\n%s' % (limit_s, '\n'.join(self.lines())))

    def wait(self, limit_s=60):
        """The exit code of the program, once all that it wrote is on the screen."""
        self.process.wait(limit_s)
        self._reader.join(10)
        return self.process.returncode
