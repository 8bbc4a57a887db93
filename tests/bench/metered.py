"""Runs one command and writes what it used: metered.py REPORT LIMIT WORD...

Run inside the namespaces, right in front of what is measured, so that neither nsenter nor the bench itself counts. REPORT gets
JSON: started and ended (monotonic seconds), cpu_s and peak_mb (of the process and all children that it waited for; the memory is
the largest one's), cut (True: it was ended after LIMIT seconds). Ends with the command's exit code, 128+n for signal n.
"""

import json
import os
import signal
import sys
import time

KILL_AFTER_S = 5


def main(report, limit_s, words):
    cut = []
    started = time.monotonic()
    pid = os.fork()
    if not pid:
        os.setpgid(0, 0)
        os.execvp(words[0], words)

    def end(_number, _frame):
        os.killpg(pid, signal.SIGKILL if cut else signal.SIGTERM)
        cut.append(True)
        signal.alarm(KILL_AFTER_S)
    signal.signal(signal.SIGALRM, end)
    signal.signal(signal.SIGTERM, end)
    signal.alarm(limit_s)
    _, status, usage = os.wait4(pid, 0)
    ended = time.monotonic()
    with open(report, 'w') as f:
        # ru_maxrss is in KiB; of a process that was forked it is at least that of this one, 9 MB.
        json.dump({'started': started, 'ended': ended, 'cpu_s': usage.ru_utime + usage.ru_stime,
                   'peak_mb': usage.ru_maxrss / 1024, 'cut': bool(cut)}, f)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
