"""Replays a simulated run on the console of `stop` at a speed: liverun.py GUESTS SPEED [DEADLINE]. For the tests of the live view."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
sys.dont_write_bytecode = True

from kvm_graceful import shutdown  # noqa: E402
from kvm_graceful.clock import Clock  # noqa: E402
from kvm_graceful.report import progress  # noqa: E402
from tests.report import runs  # noqa: E402
from tests.unit.support import Simulation  # noqa: E402


class FastClock:
    """Real time, so many times faster."""

    def __init__(self, speed):
        self._real, self._speed = Clock(), speed

    def now(self):
        return self._real.now() * self._speed

    def sleep_until(self, at):
        self._real.sleep((at - self.now()) / self._speed)


def main(count, speed):
    """The events come when they came, the view is the program's own."""
    simulation = Simulation(*runs.guests(count))
    clock = FastClock(speed)
    console = shutdown._console('stop', 1, clock)
    started_at = clock.now()
    console.say('warning: said before')
    console.follow(progress.Progress('stop', 300.0, progress.known_of(simulation.plan)), started_at)
    for line in simulation.lines:
        clock.sleep_until(started_at + line['at'])
        console.event(line, '%6.1f s  %s: %s' % (line['at'], line['guest'], line['text']), None)
    clock.sleep_until(clock.now() + 0.4 * speed)
    console.say('warning: said after')
    before = Clock().now()
    console.flush(2.0)
    os.write(1, ('flushed in %.1f s\n' % (Clock().now() - before)).encode())


if __name__ == '__main__':
    main(int(sys.argv[1]), float(sys.argv[2]))
