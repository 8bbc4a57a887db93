"""The order in which insserv, the real one, stops our init script beside those of a Debian host."""
import os
import re
import shutil

import pytest

from tests.package.building import output, run

NAME = 'kvm-graceful-shutdown'
WATCH = 'kvm-graceful-watch'
BESIDE_US = os.path.join(os.path.dirname(__file__), 'lsb-headers.txt')


@pytest.fixture(scope='module')
def insserv(tmp_path_factory):
    """Path of insserv: the installed one, or the one in Debian's package, which is unpacked and not installed."""
    found = shutil.which('insserv', path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if found:
        return found
    folder = str(tmp_path_factory.mktemp('insserv'))
    code, _, err = run(['apt-get', '-qq', 'download', 'insserv'], cwd=folder)
    if code:
        pytest.skip('insserv is not installed and cannot be downloaded: %s' % (err.strip().splitlines() or [''])[-1])
    output(['dpkg-deb', '-x', os.path.join(folder, os.listdir(folder)[0]), os.path.join(folder, 'root')])
    return next(path for path in (os.path.join(folder, 'root', place, 'insserv') for place in ('usr/sbin', 'sbin'))
                if os.path.exists(path))


def rows():
    """(script, field, value) of each line of lsb-headers.txt."""
    with open(BESIDE_US) as stream:
        return [line.split(None, 2) for line in stream.read().splitlines() if not line.startswith('#')]


def order(insserv, folder, header, watch_header):
    """{runlevel: {script: number of its K link}} that insserv makes of a host with our scripts having these headers."""
    etc = os.path.join(folder, 'etc')
    os.makedirs(os.path.join(etc, 'init.d'))
    scripts, conf = {}, []
    for script, field, value in rows():
        if script == 'insserv.conf':
            conf.append('%s %s\n' % (field, value))
        else:
            scripts.setdefault(script, {})[field] = value
    for script, fields in sorted(scripts.items()):
        lines = ['# %s: %s' % (field, fields.get(field, '')) for field in
                 ('Provides', 'Required-Start', 'Required-Stop', 'Should-Stop', 'Default-Start', 'Default-Stop')]
        text = '\n'.join(['### BEGIN INIT INFO'] + lines + ['# Short-Description: beside us', '### END INIT INFO'])
        write(os.path.join(etc, 'init.d', script), '#!/bin/sh\n%s\n' % text)
    write(os.path.join(etc, 'init.d', NAME), '#!/bin/sh\n%s\n' % header)
    write(os.path.join(etc, 'init.d', WATCH), '#!/bin/sh\n%s\n' % watch_header)
    write(os.path.join(etc, 'insserv.conf'), ''.join(conf))
    os.makedirs(os.path.join(etc, 'insserv.conf.d'))
    os.makedirs(os.path.join(etc, 'insserv', 'overrides'))
    for level in '0123456S':
        os.makedirs(os.path.join(etc, 'rc%s.d' % level))
    output([insserv, '-p', os.path.join(etc, 'init.d'), '-c', os.path.join(etc, 'insserv.conf'),
            '-o', os.path.join(etc, 'insserv', 'overrides')] + sorted(scripts) + [NAME, WATCH],
           env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'})
    links = {level: os.listdir(os.path.join(etc, 'rc%s.d' % level)) for level in '016'}
    return {level: {link[3:]: int(link[1:3]) for link in links[level] if link.startswith('K')} for level in links}


def write(path, text):
    with open(path, 'w') as stream:
        stream.write(text)
    os.chmod(path, 0o755)


@pytest.fixture(scope='module')
def header(package):
    """The LSB header of our init script."""
    return header_of(package, NAME)


@pytest.fixture(scope='module')
def watch_header(package):
    return header_of(package, WATCH)


def header_of(package, script):
    with open(package.root + '/etc/init.d/' + script) as stream:
        return re.search(r'(?s)### BEGIN INIT INFO\n.*?### END INIT INFO', stream.read()).group(0)


@pytest.mark.parametrize('script', [NAME, WATCH])
def test_header_has_all_that_lsb_and_debian_want(package, script):
    fields = dict(re.findall(r'(?m)^# ([A-Z][\w-]+): +(.*)$', header_of(package, script)))
    assert fields['Provides'] == script
    assert fields['Default-Stop'].split() == ['0', '1', '6']  # 1 too: killprocs ends every process there
    assert fields['Default-Start'].split() == ['2', '3', '4', '5']
    assert '$remote_fs' in fields['Required-Stop'].split()
    assert '$remote_fs' in fields['Required-Start'].split()
    assert fields['Short-Description']


def test_stops_before_everything_that_guests_need(insserv, header, watch_header, tmp_path):
    levels = order(insserv, str(tmp_path), header, watch_header)
    for level in '06':
        assert {'sendsigs', 'libvirtd', 'libvirt-guests', 'networking', 'umountfs'} <= set(levels[level])
    assert {'libvirtd', 'libvirt-guests', 'nut-client'} <= set(levels['1'])
    for links in levels.values():
        ours = links.pop(NAME)
        assert not [script for script, number in links.items() if number <= ours], links
        # The watcher is logged in at the primary's upsd, which waits for it, until the guests are off; and it ends itself.
        after = {'nut-client', 'sendsigs'} & set(links)
        assert ours < links[WATCH] and all(links[WATCH] < links[script] for script in after), links


def test_control_without_our_stop_fields_it_would_stop_beside_them(insserv, header, watch_header, tmp_path):
    bare = re.sub(r'(?m)^# (Required|Should)-Stop:.*$', r'# \1-Stop:', header)
    links = order(insserv, str(tmp_path), bare, watch_header)['0']
    assert [script for script in ('libvirt-guests', 'sendsigs', 'libvirtd') if links[script] <= links[NAME]]
