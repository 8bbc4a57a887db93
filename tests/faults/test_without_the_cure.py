"""The negative controls: each fault's own test, with a program out of which one cure was taken. It fails, and in the way expected."""

import os
import re

import pytest

from tests.faults import (
    test_disk_and_console,
    test_guests_and_signals,
    test_libvirtd_dead,
    test_libvirtd_hung,
    test_libvirtd_slow,
    test_own_death,
)
from tests.lab.libvirtd import LabError
from tests.lab.tool import CHECKOUT, without

disk, guests, dead, hung, slow, own = (test_disk_and_console, test_guests_and_signals, test_libvirtd_dead, test_libvirtd_hung,
                                       test_libvirtd_slow, test_own_death)

# A test gives up after so long, where it would wait for minutes. What needs its time with the cure too gets more.
PATIENCE_S, STAYS_S = 45, 25
LONGER_S = {'libvirtd hung before the connect': 35, 'libvirtd hung in the middle': 35, 'libvirtd hung while our own save runs': 45,
            'max clients are there already': 35, 'a daemon that drops whoever comes': 35, 'libvirtd takes 2 s for each call': 90,
            'disk for saves that dies while a save is to run': 100, 'qemus that hang': 100}
STAYS = 'still there after|not within'

IN_THE_PROCESS = ('aside.py', '    try:\n        ours, theirs = os.pipe()', "    return call(), ''\n    try:\n        ours, theirs = os.pipe()")
NEEDS_ITS_STATE = ('diskwriter.py', "        self._pending, self._missing = b'', ''", "        self._pending, self._missing = b'', ''\n"
                   "        replace(state_dir, 'started', '')")
CONSOLE_IN_THE_LOOP = ('console.py', 'self._workers.submit(lambda: self._write(line))', 'self._write(line)')
NO_OTHER_WAY = ('hypervisor/either.py', 'workers.start(self._keep)', 'pass')
NO_RECONNECT = ('hypervisor/link.py', '        while True:\n            try:\n                self.connect(limit_s)',
                '        while True:\n            self._clock.sleep(1e6)\n            try:\n                self.connect(limit_s)')
NEVER_ENDS_LIBVIRTD = ('hypervisor/either.py', 'ended = self._daemon.end()', 'ended = []')
BY_PID_ALONE = (('hypervisor/qemuprocess.py', 'return _look(process.pid, root) == process', 'return _look(process.pid, root) is not None'),
                ('hypervisor/qemuprocess.py', "opened = getattr(os, 'pidfd_open', None)\n    if opened is None:", 'opened = None\n    if opened is None:'),
                ('hypervisor/qemuprocess.py', 'if _look(process.pid, root) != process:', 'if _look(process.pid, root) is None:'),
                ('hypervisor/statusfiles.py', 'if qemuprocess.uuid_in(words) != uuid or', 'if False and'))

# Fault: (its test, with its arguments), the cure that is taken out, what its failure says.
CONTROLS = {
    'state directory on a hung file system': ((disk.test_state_directory_on_a_hung_file_system,), [IN_THE_PROCESS], STAYS),
    'state directory on a hung file system and our own death':
        ((disk.test_state_directory_on_a_hung_file_system_and_our_own_death,), [IN_THE_PROCESS], STAYS),
    'configuration on a hung file system': ((disk.test_configuration_on_a_hung_file_system,), [IN_THE_PROCESS], STAYS),
    'disk for saves is dead': ((disk.test_disk_for_saves_is_dead,), [IN_THE_PROCESS], STAYS),
    'state directory read only': ((disk.test_state_directory_that_takes_no_record, 'ro'), [NEEDS_ITS_STATE], 'exit 1'),
    'state directory full': ((disk.test_state_directory_that_takes_no_record, 'size=4k,nr_inodes=3'), [NEEDS_ITS_STATE], 'exit 1'),
    'state directory vanishes': (
        (disk.test_state_directory_that_vanishes_in_the_middle,),
        [('diskwriter.py', "        self._send({'append': json.dumps(line, sort_keys=True)})", "        os.listdir(self._dir)"),
         ('diskwriter.py', "        self._pending, self._missing = b'', ''", "        self._pending, self._missing = b'', ''\n"
          "        self._dir = state_dir\n        _make_dir(state_dir)")], 'exit 1'),
    'history torn': ((disk.test_hostile_history, lambda path: open(path, 'w').write('{"schema": 1, "guests"')),
                     [('preparation.py', '    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deeply\n'
                       '        return history.NOTHING', '    except ZeroDivisionError as error:\n        return history.NOTHING')], 'exit 1'),
    'configuration that cannot be read': ((disk.test_configuration_that_cannot_be_read,),
                                          [('settings.py', '    if wrong:\n', '    if wrong:\n        raise IOError(wrong)\n')], 'exit 1'),
    'console that blocks': ((disk.test_console_that_blocks,), [CONSOLE_IN_THE_LOOP], STAYS),
    'console that is full': ((disk.test_console, '>/dev/full 2>&1'),
                             [('console.py', '    except OSError:\n        pass', '    except ZeroDivisionError:\n        pass'),
                              ('cli.py', "CONSOLE_S if chosen.verb == 'host-stop' else None", 'None')],
                             'exit 1'),
    'disk for saves that dies while a save is to run': (
        (hung.test_disk_for_saves_that_dies_while_a_save_is_to_run,),
        [('hypervisor/signals.py', 'sent = process is not None and _sent(process, signal.SIGTERM)', 'sent = False')], 'exit 4'),
    'qemus that hang': ((guests.test_qemus_that_hang, 7),
                        [('hypervisor/lanes.py', 'MOST = 4 ', 'MOST = 1 '),
                         ('hypervisor/either.py', 'if waits_s <= DOUBT_S or not self._may_end:', 'if True:')], 'CLEAN|DIRTY'),
    'agent that floods, libvirtd dead': (
        (guests.test_agent_that, 'floods', 'dead'),
        [('hypervisor/direct.py', '        except Exception as error:  # whatever', '        except ZeroDivisionError as error:  # whatever')], 'Traceback'),
    'syslog that blocks': ((disk.test_syslog_that_blocks,), [CONSOLE_IN_THE_LOOP], STAYS),
    'too few file descriptors': ((disk.test_usual_limit_of_file_descriptors_is_too_low,),
                                 [('limits.py', '        if _is_less(soft, wanted) and', '        if False and')], 'exit|12|<'),
    'qemu stopped': ((guests.test_qemu_stopped_before_the_run,),
                     [('hypervisor/signals.py', 'if process is not None and qemuprocess.is_stopped', 'if False and qemuprocess.is_stopped')],
                     STAYS),
    'qemu killed': ((guests.test_qemu_killed,),
                    [('hypervisor/libvirt_.py', '        if self._watched.pop(uuid, None) is None:\n', '        if True:\n')], STAYS),
    'sighup': ((guests.test_sigterm_once_halves_the_time_that_is_left,),
               [('shutdown.py', 'signal.SIG_IGN if number == signal.SIGHUP', 'signal.SIG_DFL if number == signal.SIGHUP')], 'exit 129'),
    'sigterm once': ((guests.test_sigterm_once_halves_the_time_that_is_left,),
                     [('shutdown.py', 'signal.SIG_IGN if number == signal.SIGHUP else hurry',
                       'signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL')], 'exit 143'),
    'sigterm twice': ((guests.test_sigterm_twice_forces_now,),
                      [('news.py', 'if engine.hurries == 1 else 0.0', '')], STAYS),
    'clock set on': ((guests.test_clock_that_is_set, '+1h'), [('clock.py', '        return monotonic()', '        return time.time()')], 'exit|CLEAN'),
    'clock set back': ((guests.test_clock_that_is_set, '-1h'), [('clock.py', '        return monotonic()', '        return time.time()')], STAYS),
    'qemu that does not end on sigterm': ((guests.test_qemu_that_does_not_end_on_sigterm, 'dead'),
                                          [('hypervisor/monitored.py', '            self._signal(qemuprocess.signal.SIGTERM)\n',
                                            '            self._signal(qemuprocess.signal.SIGTERM)\n            self._is_gone()\n')], 'exit 3'),
    'pid used again before the run': ((guests.test_pid_of_a_dead_qemu_is_used_again_before_the_run,), BY_PID_ALONE, 'hit by signal 15|' + STAYS),
    'pid used again in the middle': ((guests.test_pid_of_a_qemu_is_used_again_in_the_middle_of_the_run,), BY_PID_ALONE, 'hit by signal 15'),
    'a strangers process with a guests uuid': (
        (guests.test_a_strangers_process_that_bears_the_uuid_of_a_guest,),
        [('hypervisor/statusfiles.py', 'sure.get(uuid, found[0]) if len(found) > 1 else found[0]', 'found[-1]')], STAYS),
    'libvirtd dead before the run': ((dead.test_libvirtd_dead_before_the_run,),
                                     [('hypervisor/either.py', 'if not self._host_stop or not self._direct.guests()[0]:', 'if True:')], 'exit [14]'),
    'libvirtd killed in the middle': ((dead.test_libvirtd_killed_in_the_middle,), [NO_OTHER_WAY], STAYS),
    'libvirtd restarted in a loop': ((dead.test_libvirtd_restarted_in_a_loop,), [NO_OTHER_WAY, NO_RECONNECT], STAYS),
    'qemu ended by the libvirtd before': ((dead.test_a_guest_whose_qemu_the_libvirtd_before_has_ended_has_not_crashed,),
                                          [('hypervisor/libvirtcalls.py', "'gone' if is_new and how == 'crashed' else how", 'how')], 'exit 3'),
    'libvirtd back after 5 s': ((dead.test_libvirtd_killed_and_back_after_5_s,), [NO_RECONNECT], 'asked through it|CLEAN|' + STAYS),
    'a guest that joined and is gone': (
        (dead.test_a_guest_that_joined_is_gone_when_libvirtd_is,),
        [('hypervisor/either.py', '.get(newcomer.uuid) if newcomer is not None', '.get(newcomer) if newcomer is not None'),
         ('hypervisor/direct.py', 'elif process is not None or guest.uuid not in processes.by_uuid():', 'elif process is not None:')], STAYS),
    'libvirtd hung before the connect': ((hung.test_libvirtd_hung_before_the_connect,), [NEVER_ENDS_LIBVIRTD], STAYS),
    'libvirtd hung in the middle': ((hung.test_libvirtd_hung_in_the_middle_of_the_asks,), [NEVER_ENDS_LIBVIRTD], STAYS),
    'libvirtd hung while our own save runs': ((hung.test_libvirtd_hung_while_our_own_save_runs,), [NEVER_ENDS_LIBVIRTD], STAYS),
    'libvirtd hangs for 8 s only': ((hung.test_a_libvirtd_that_hangs_for_8_s_is_not_ended,),
                                    [('hypervisor/either.py', 'HUNG_S = 15.0 ', 'HUNG_S = 3.0 ')], ''),
    'the time is over while a hung libvirtd saves a guest': (
        (hung.test_the_time_is_over_while_a_hung_libvirtd_saves_a_guest,),
        [('hypervisor/either.py', 'answer = question.wait(TICK_S)\n                self._signal()\n', 'answer = question.wait(TICK_S)\n')],
        'exit 4'),
    'a second hang is judged by what was told of the first': (
        (hung.test_a_second_short_hang_is_judged_by_itself,),
        [('hypervisor/either.py', 'self.in_doubt, self.urgent_at = True, None  # what', 'self.in_doubt = True  # what'),
         ('hypervisor/several.py', 'hypervisor.urgent_at = self.first_ask_by()', 'hypervisor.urgent_at = self.first_ask_by() or hypervisor.urgent_at')],
        'thaw'),
    'manual stop ends libvirtd': ((hung.test_a_manual_stop_never_ends_a_hung_libvirtd,),
                                  [('hypervisor/either.py', "may_end and verb == 'host-stop'", 'True')], ''),
    'unproved stop ends libvirtd': ((hung.test_a_hung_libvirtd_is_not_ended_where_nothing_proves_that_the_host_goes_down,),
                                    [('hypervisor/either.py', "may_end and verb == 'host-stop'", 'True')], ''),
    'max clients are there already': ((slow.test_max_clients_are_there_already,), [NEVER_ENDS_LIBVIRTD], STAYS),
    'another hypervisor cannot be had and clients are few': (
        (slow.test_another_hypervisor_cannot_be_had_and_clients_are_few,), [('preparation.py', 'if uri not in made:', 'if True:')], ''),
    'libvirtd takes 2 s for each call': ((slow.test_libvirtd_that_takes_2_s_for_each_call,),
                                         [('hypervisor/either.py', 'self._libvirt.link.connect(SLOW_CONNECT_S)', 'self._libvirt.link.connect(10.0)'),
                                          ('hypervisor/libvirt_.py', 'CONNECT_S if self._keeper is None else SLOW_CONNECT_S', 'CONNECT_S')], STAYS),
    'connections reset': ((slow.test_connections_that_are_reset_every_3_s,), [NO_RECONNECT], STAYS),
    'a daemon that drops whoever comes': ((slow.test_a_daemon_that_drops_whoever_comes,),
                                          [('hypervisor/either.py', '                    if not self._daemon.processes():\n', '                    if True:\n')],
                                          STAYS),
    'two at once': ((own.test_two_at_once_the_second_waits_and_gives_the_exit_code_of_the_first,),
                    [('runlock.py', '                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n', '')], 'True'),
    'record torn': ((own.test_killed_while_the_record_was_written, b'{"what": "asked", "at": 0.'),
                    [('record.py', '        except (ValueError, RuntimeError):  # RuntimeError: nested too deeply\n            continue',
                      '        except ZeroDivisionError:\n            continue')], 'exit 1'),
    'lock file torn': ((own.test_a_hostile_lock_file_is_none, '{'),
                       [('runlock.py', '    except (ValueError, RuntimeError):  # RuntimeError: nested too deeply\n        return {}',
                         '    except ZeroDivisionError:\n        return {}')], 'exit 1'),
    'deadline of the first process': ((own.test_the_second_process_keeps_to_the_deadline_of_the_first,),
                                      [('shutdown.py', '            self._limit_s = min(limit_s, earlier.deadline_at - earlier.started_at)\n', ''),
                                       ('shutdown.py', 'earlier.started_at, earlier.started or self._started', 'self.started_at, self._started')], ''),
    'called again after the deadline': ((own.test_called_again_after_the_deadline,),
                                        [('shutdown.py', 'self.deadline_at = max(clock.now(), self.started_at', 'self.deadline_at = max(0.0, self.started_at')],
                                        'exit 4'),
    'our own loop hangs': ((own.test_our_own_loop_hangs,), [('watchdog.py', '    workers.start(watch)', '    pass')], 'not within'),
    'a host that came back': ((own.test_a_host_that_came_back_and_has_guests_again_is_shut_down_again,),
                              [('runlock.py', '    if youngest_s is not None and youngest_s < since_s:\n        return False', '    if False:\n        return False')],
                              'guests'),
}


@pytest.mark.quick
def test_each_cure_is_where_its_control_takes_it_out():
    for fault, (_scenario, cures, _says) in CONTROLS.items():
        texts = {}
        for name, old, new in cures:
            if name not in texts:
                with open(os.path.join(CHECKOUT, 'kvm_graceful', name)) as f:
                    texts[name] = f.read()
            texts[name] = without(texts[name], fault + ': ' + name, old, new)
        for name, text in texts.items():
            compile(text, name, 'exec')


@pytest.mark.parametrize('fault', sorted(CONTROLS))
def test_control_without_the_cure(night, fault, tmp_path):
    (scenario, *arguments), cures, says = CONTROLS[fault]
    night.tool.take_out(*cures)
    night.tool.patience_s = LONGER_S.get(fault, STAYS_S if STAYS in says else PATIENCE_S)
    names = scenario.__code__.co_varnames[:scenario.__code__.co_argcount]
    first = guests.linux_night(night, tmp_path) if 'night_of_linux' in names else night
    more = [tmp_path] if 'tmp_path' in names else []
    with pytest.raises((AssertionError, LabError, KeyError, TypeError)) as failed:
        scenario(first, *arguments, *more)
    text = str(failed.value)
    says = re.sub(r'exit (\[?\d+\]?)', r'(exit \1|assert \1 ==)', says)  # pytest cuts out the middle of what is long
    assert re.search(says, text), text
    night.tell('fails without the cure: %s' % ' '.join(text.split())[:150])
