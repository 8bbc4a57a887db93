"""The mains fail, and nobody is there: from NUT's first word of it to a host that is off, its guests CLEAN, its report telling why."""

import json
import os
import subprocess
import sys

import pytest

from kvm_graceful import record
from tests.host.evidence import copy_out
from tests.host.host import OFF, check
from tests.lab.tool import CHECKOUT

GUESTS = {'web': {'delay_s': 3}, 'db': {'delay_s': 6}, 'batch': {'delay_s': 3}}
BATTERY_S, HOST_S, TAKES_S = 180, 60, 20
# NUT as its package sets it up for one host, with the driver that says what a file says.
SET_UP_NUT = """
dpkg -i /root/nut/*.deb >/root/nut/log 2>&1 || { cat /root/nut/log; exit 1; }
cd /etc/nut
echo MODE=standalone >nut.conf
printf 'maxretry = 3\\npollinterval = 1\\n[ups]\\ndriver = dummy-ups\\nport = /etc/nut/ups.dev\\nmode = dummy-once\\n' >ups.conf
printf '[admin]\\npassword = x\\nupsmon primary\\nactions = SET FSD\\n' >upsd.users
printf 'MONITOR ups@localhost 1 admin x primary\\nMINSUPPLIES 1\\nSHUTDOWNCMD "/sbin/shutdown -h -P +0"\\nPOWERDOWNFLAG /etc/killpower\\n' >upsmon.conf
printf 'POLLFREQ 2\\nPOLLFREQALERT 2\\nDEADTIME 15\\nFINALDELAY 0\\n' >>upsmon.conf
cat >/usr/local/sbin/ups-says <<'END'
#!/bin/sh
# ups-says STATUS RUNTIME: the driver looks for a new file every second.
printf 'ups.status: %s\\nbattery.runtime: %d\\nbattery.charge: 80\\n' "$1" "$2" >/etc/nut/ups.new
chmod 644 /etc/nut/ups.new && mv /etc/nut/ups.new /etc/nut/ups.dev
END
cat >/usr/local/sbin/mains-fail <<'END'
#!/bin/sh
# mains-fail SECONDS: on battery from now on; the runtime falls by a second a second.
end=$(($(date +%s) + $1))
while :; do
    left=$((end - $(date +%s)))
    ups-says "OB DISCHRG" $((left > 0 ? left : 0))
    sleep 1
done
END
chmod +x /usr/local/sbin/*; ups-says OL 1200
"""
START_NUT = {
    'systemd': """
systemctl restart nut-driver-enumerator && systemctl restart nut-driver@ups nut-server nut-monitor
for i in $(seq 60); do upsc ups@localhost ups.status 2>/dev/null | grep -q OL && break; sleep 1; done
upsc ups@localhost ups.status 2>/dev/null""",
}
SETTINGS = """
printf 'DEADLINE=300\\nHOST_TIME=%d\\nBATTERY_SHARE=100\\n' >/etc/default/kvm-graceful-shutdown
printf '[web]\\nneeds = db\\ngrace = 10\\n[db]\\ngrace = 10\\n[batch]\\nshed = 5\\n' >/etc/kvm-graceful-shutdown/guests.conf
""" % HOST_S


@pytest.mark.on('systemd', but=['forky'])
def test_mains_fail_and_the_host_goes_off_by_itself_before_the_battery_is_empty(suite, new_host):
    host = new_host(GUESTS, installed=True)
    host.run(SET_UP_NUT, 240)
    assert host.run(START_NUT[suite.init], 240) == 'OL'
    host.run(SETTINGS)
    host.start_guests()
    host.run('systemctl enable --now kvm-graceful-watch')
    host.run('until journalctl -u kvm-graceful-watch | grep -q "on mains"; do sleep 1; done')
    failed_at = host.machine.seconds()
    host.run('setsid mains-fail %d </dev/null >/dev/null 2>&1 &' % BATTERY_S)
    ended = host.machine.wait_until_off(400)
    took_s = host.machine.seconds() - failed_at
    evidence = check(host, ended, OFF)
    pressed_s = [line.at for line in host.machine.lines if line.text.endswith(' PRESSED')][1] - failed_at
    print('mains fail; the first guest that was not shed asked after %.0f s, host off after %.0f s, battery for %d s' % (pressed_s, took_s, BATTERY_S))
    assert pressed_s > BATTERY_S - HOST_S - TAKES_S - 60, 'far too early'
    assert took_s < BATTERY_S
    # Whoever cuts the power looks for this.
    copy_out(evidence.disk, '/etc/killpower', os.path.dirname(evidence.path('/lab')))
    assert os.path.exists(evidence.path('/killpower'))
    said = [entry.text for entry in evidence.journal() if entry.who == 'kvm-graceful-watch.service']
    assert any('the margin is used up' in text for text in said), said
    # The watcher's unit lets it shut a guest down early, to stretch the battery; that one comes back with the host.
    first = next(line for line in host.machine.lines if line.text.endswith(' PRESSED'))
    assert first.source == 'guest2', first
    with open(evidence.path(os.path.join(record.STATE_DIR, 'restore.json'))) as stream:
        assert sorted(guest['name'] for guest in json.load(stream)['guests']) == ['batch', 'db', 'web']
    words = [sys.executable, '-B', os.path.join(CHECKOUT, 'bin', 'kvm-graceful'), 'report', '--state-dir', evidence.path(record.STATE_DIR)]
    report = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(report)
    assert 'Power: on battery, ' in report
    assert '2 off. Exit code 0: as planned.' in report
