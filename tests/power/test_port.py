"""What real upsd and real apcupsd say, and what is made of servers that say nothing, too much, or nonsense."""

import contextlib
import os
import signal
import socket
import socketserver
import threading
import time

import pytest

from kvm_graceful.clock import Clock
from kvm_graceful.power import BATTERY, MAINS, UNKNOWN, apcupsd, nut, wire
from tests.lab.apcupsd import Apcupsd
from tests.lab.libvirtd import LabError, wait_until


def client(server, name='ups', counts_hosts=False):
    return nut.Nut(name, server.address, server.port, Clock(), counts_hosts)


def test_nut_on_mains_on_battery_low_and_testing(nuts):
    server = nuts()
    ups = client(server, counts_hosts=True)
    got = ups.read()
    assert (got.supply, got.runtime_s, got.charge, got.low, got.forced, got.logins) == (MAINS, 1200.0, 100.0, False, False, 0)
    for status, supply, low in (('OB DISCHRG', BATTERY, False), ('OB DISCHRG LB', BATTERY, True), ('OB CAL LB', MAINS, False)):
        server.says('ups', status, 90, 12.5)
        server.heard('ups', status)
        got = ups.read()
        assert (got.supply, got.runtime_s, got.charge, got.low) == (supply, 90.0, 12.5, low)
    server.says('ups', 'OB', 90, 12, ups_test_result='In progress')
    server.heard('ups', 'OB')
    wait_until(lambda: ups.read().supply == MAINS, 10, 'the self-test is seen', 0.2)


def test_nut_tells_what_upsd_knows_of_a_power_cut_and_of_the_hosts_that_are_logged_in(nuts):
    server = nuts()
    with socket.create_connection((server.address, server.port), 5) as primary, primary.makefile('rw') as talk:
        for line in ('USERNAME one', 'PASSWORD one', 'LOGIN ups', 'PRIMARY ups', 'FSD ups'):
            talk.write(line + '\n')
            talk.flush()
            assert talk.readline().startswith('OK'), line
        got = client(server, counts_hosts=True).read()
        assert (got.forced, got.logins) == (True, 1)
        # As a secondary logs in, the primary waits for it; a wrong password only keeps it from that.
        second = nut.Nut('ups', server.address, server.port, Clock(), login=('two', 'two'))
        wrong = nut.Nut('ups', server.address, server.port, Clock(), login=('two', 'wr"\\ong'))
        assert second.read().forced
        assert wrong.read().forced
        assert client(server, counts_hosts=True).read().logins == 2
        second.close()
        wait_until(lambda: client(server, counts_hosts=True).read().logins == 1, 10, 'it is logged off')


def test_stale_data_and_a_dead_driver_are_unknown_and_come_back(nuts):
    server = nuts('ups', 'other')
    ups, other = client(server), client(server, 'other')
    server.says('ups', 'OB', 600)
    server.heard('ups', 'OB')
    server.stop_driver('other')
    stopped = server._drivers['ups'].pid
    os.kill(stopped, signal.SIGSTOP)
    try:
        wait_until(lambda: ups.read().supply == UNKNOWN, 30, 'the data are stale', 0.5)
        assert 'DATA-STALE' in ups.read().text
    finally:
        os.kill(stopped, signal.SIGCONT)
    wait_until(lambda: ups.read().supply == BATTERY, 30, 'it is known again', 0.5)
    got = other.read()
    assert (got.supply, got.runtime_s) == (UNKNOWN, None)
    assert client(server, 'nobody').read().text == 'upsd says UNKNOWN-UPS'


def test_a_upsd_that_hangs_is_given_up_and_one_that_restarted_is_read_at_once(nuts):
    server = nuts()
    ups = client(server)
    assert ups.read().supply == MAINS
    pid = server.server_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert ups.read().supply == UNKNOWN
        assert time.monotonic() - begun < 3 * wire.LIMIT_S
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: ups.read().supply == MAINS, 30, 'it is known again', 0.2)
    server.stop_server()
    assert ups.read().supply == UNKNOWN
    server.start_server()
    assert ups.read().supply == MAINS
    server.stop_server()
    server.start_server()
    assert ups.read().supply == MAINS


def drip(connection):
    for _ in range(600):
        connection.sendall(b'V')
        time.sleep(0.1)


def flood(connection):
    while True:
        connection.sendall(b'VAR ups a "b"\n' * 1000)


@pytest.mark.parametrize('answer', [
    drip, flood, lambda c: c.sendall(b'\xff' * 5000 + b'\n'), lambda c: c.sendall(b'VAR ups ups.status "OB\n'),
    lambda c: c.sendall(b'END LIST VAR other\n'), lambda c: None, lambda c: c.sendall(b'\0\5STATU'),
], ids=['drip', 'flood', 'no text', 'torn', 'wrong end', 'closed', 'torn frame'])
def test_a_server_that_talks_nonsense_is_unknown_in_bounded_time(answer):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):
                self.request.recv(100)
                answer(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, block_on_close = True, False
    with Server(('127.0.0.1', 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        begun = time.monotonic()
        for port in (nut.Nut('ups', '127.0.0.1', server.server_address[1], Clock()),
                     apcupsd.Apcupsd('127.0.0.1', server.server_address[1], Clock())):
            got = port.read()
            assert (got.supply, got.runtime_s, got.low, got.forced) == (UNKNOWN, None, False, False), got
        assert time.monotonic() - begun < 6 * wire.LIMIT_S
        server.shutdown()


def test_apcupsd_on_mains_on_battery_low_and_shutting_down():
    try:
        server = Apcupsd()
    except LabError as e:
        pytest.skip(str(e))
    with contextlib.closing(server):
        ups = apcupsd.Apcupsd('127.0.0.1', server.port, Clock())
        wait_until(lambda: ups.read().supply == MAINS, 20, 'on mains', 0.2)
        assert ups.read()[:5] == (MAINS, 2400.0, 100.0, False, False)
        server.says('COMMLOST', 12.5, 50)
        wait_until(lambda: ups.read().supply == UNKNOWN, 20, 'unknown', 0.2)
        server.says('ONBATT', 12.5, 50)
        wait_until(lambda: ups.read().supply == BATTERY, 20, 'on battery', 0.2)
        assert ups.read()[:5] == (BATTERY, 750.0, 50.0, False, False)
        server.says('ONBATT LOWBATT', 2, 10)
        wait_until(lambda: ups.read().low, 20, 'low', 0.1)
        assert ups.read()[:5] == (BATTERY, 120.0, 10.0, True, False)
        # apcupsd then begins its shutdown, and says nothing but that.
        wait_until(lambda: ups.read().forced, 20, 'shutting down', 0.2)
    assert apcupsd.Apcupsd('127.0.0.1', server.port, Clock()).read().supply == UNKNOWN
