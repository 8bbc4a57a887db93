"""Forty real guests with needs, and five minutes of faults one after the other, drawn by a seed: KVM_GRACEFUL_SEED, else 1."""

import json
import os
import random
import signal
import threading
import time

SEED = int(os.environ.get('KVM_GRACEFUL_SEED', '1'))
# Five guests in each of eight layers, each of which takes 38 to 46 s: whatever happens, the last fault comes before the last guest.
GUESTS, LAYERS, DEADLINE_S = 40, 8, 900
TAKES_S = (38, 46)
FAULTS_S = 300


class Chaos(threading.Thread):
    """Does something to libvirtd, to a QEMU or to us every few seconds, until it is told to stop."""

    def __init__(self, night, random_):
        super().__init__(daemon=True)
        self._night, self._random = night, random_
        self.over, self.running, self.victims, self.did, self.lasted_s = threading.Event(), None, [], [], 0
        self._pids = {guest.uuid: night.libvirtd.qemu_pid(guest) for guest in night.fleet.guests}

    def run(self):
        began = time.monotonic()
        while not self.over.wait(self._random.uniform(1, 6)) and time.monotonic() - began < FAULTS_S:
            fault = self._random.choice([self.kill_libvirtd, self.restart_libvirtd, self.freeze_libvirtd, self.stop_qemu,
                                         self.stop_qemu, self.kill_us, self.kill_us, self.hang_libvirtd, self.kill_qemu])
            self.did.append(fault.__name__)
            fault()
            self.lasted_s = time.monotonic() - began

    def _up(self):
        if not self._night.libvirtd.is_running():
            self._night.libvirtd.thaw()
            self._night.libvirtd.start()

    def kill_libvirtd(self):
        self._up()
        self._night.libvirtd.kill()

    def restart_libvirtd(self):
        self._up()
        self._night.libvirtd.restart()

    def freeze_libvirtd(self):
        self._up()
        self._night.libvirtd.freeze()
        self.over.wait(self._random.uniform(1, 8))
        self._night.libvirtd.thaw()

    def hang_libvirtd(self):
        self._up()
        self._night.libvirtd.freeze()
        self.over.wait(20)
        self._night.libvirtd.thaw()

    def _qemu(self):
        """A guest that is on: its pid, the guest."""
        there = [guest for guest in self._night.fleet.guests if os.path.exists('/proc/%d/exe' % self._pids[guest.uuid])
                 and guest.disk_says() == 'DIRTY']
        return self._random.choice(there) if there else None

    def stop_qemu(self):
        guest = self._qemu()
        if guest:
            self._signal(guest, signal.SIGSTOP)

    def kill_qemu(self):
        guest = self._qemu()
        if guest and len(self.victims) < 3:
            self.victims.append(guest)
            self._signal(guest, signal.SIGKILL)

    def _signal(self, guest, number):
        try:
            os.kill(self._pids[guest.uuid], number)
        except ProcessLookupError:
            pass

    def kill_us(self):
        running = self.running
        if running is not None and running.is_running():
            try:
                running.signal(signal.SIGKILL)
            except (OSError, Exception):  # noqa: B014 (it ended meanwhile)
                pass


class Lives(threading.Thread):
    """When each QEMU was last seen alive, by this very clock: no guest may be reported off before that."""

    def __init__(self, night):
        super().__init__(daemon=True)
        self._pids = {guest.uuid: night.libvirtd.qemu_pid(guest) for guest in night.fleet.guests}
        self.over, self.seen_at = threading.Event(), {}

    def run(self):
        while not self.over.wait(0.05):
            for uuid, pid in self._pids.items():
                now = time.monotonic()
                if os.path.exists('/proc/%d/exe' % pid):
                    self.seen_at[uuid] = now


def reported_too_soon(night, ended, lives):
    """Names of the guests that were called off while their QEMU was there."""
    with open(os.path.join(night.tool.state, 'run', 'host-stop.json')) as f:
        began = json.load(f)['started_at']
    return [told['name'] for told in ended.json['guests']
            if told['off'] is not None and began + told['off'] < lives.seen_at[told['uuid']] - 0.01]


def test_chaos(night):
    draw = random.Random(SEED)
    layers = [[night.fleet.add('c%d-%d' % (layer, n), delay_s=draw.randint(*TAKES_S)) for n in range(GUESTS // LAYERS)]
              for layer in range(LAYERS)]
    lines = ['[%s]\nneeds = %s\n' % (guest.name, ', '.join(sorted(one.name for one in draw.sample(below, 2))))
             for layer, below in zip(layers, layers[1:]) for guest in layer]
    night.fleet.start()
    night.tool.configure('DEADLINE=%d\n' % DEADLINE_S, ''.join(lines))
    chaos, lives = Chaos(night, draw), Lives(night)
    lives.start()
    began, calls = time.monotonic(), 0
    running = chaos.running = night.host_stop()
    chaos.start()
    try:
        while True:  # as the unit and the init script do
            calls += 1
            ended = running.wait(DEADLINE_S + 60)
            if ended.exit != 137:
                break
            running = chaos.running = night.host_stop()
    finally:
        for thread in (chaos, lives):
            thread.over.set()
            thread.join()
        if not night.libvirtd.is_running():
            night.libvirtd.thaw()
            night.libvirtd.start()
    seconds = time.monotonic() - began
    assert chaos.lasted_s >= FAULTS_S - 10, chaos.lasted_s  # else the guests were off too soon for so many faults
    dirty = [guest.name for guest in night.fleet.guests if guest.disk_says() != 'CLEAN' and guest not in chaos.victims]
    night.over_already(ended)
    night.tell('seed %d: %d faults in %.0f s, over after %.0f s, %d calls of ours, %d QEMUs killed, %d of the other %d DIRTY, exit %d; %s' % (
        SEED, len(chaos.did), chaos.lasted_s, seconds, calls, len(chaos.victims), len(dirty), GUESTS - len(chaos.victims), ended.exit,
        ', '.join('%d %s' % (chaos.did.count(name), name) for name in sorted(set(chaos.did)))))
    assert dirty == [], (dirty, ended)
    assert reported_too_soon(night, ended, lives) == []
    assert seconds <= DEADLINE_S + 15
    assert ended.exit == (3 if chaos.victims else 0), ended
    assert 'Traceback' not in ended.err
