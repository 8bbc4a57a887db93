"""script/check-house finds each kind of fault in the house, and none where there is none."""
import os
import subprocess

import pytest

from tests.package.building import TOP, output

SOUND = {
    'kvm_graceful/__init__.py': '"""The package."""\n',
    'kvm_graceful/cli.py': '"""Verbs."""\nfrom kvm_graceful import shutdown\n',
    'kvm_graceful/shutdown.py': '"""One shutdown."""\nimport os\nfrom kvm_graceful import engine\n'
                                'from kvm_graceful.hypervisor import libvirt_\n',
    'kvm_graceful/engine.py': '"""The loop."""\nfrom kvm_graceful.model import Guest\n',
    'kvm_graceful/model.py': '"""Data."""\nfrom collections import namedtuple\nGuest = namedtuple("Guest", "name")\n',
    'kvm_graceful/clock.py': '"""The clock."""\nimport time\n',
    'kvm_graceful/hypervisor/__init__.py': '"""The port."""\n',
    'kvm_graceful/hypervisor/libvirt_.py': '"""libvirt."""\nimport libvirt\nfrom kvm_graceful import clock, model\n',
    'script/run': '#!/bin/sh\n# Runs it.\n',
}


def faults(folder, **changes):
    """What check-house says of the sound house with these files changed (double underscore for a slash)."""
    files = dict(SOUND)
    for name, text in changes.items():
        path = name.replace('__', '/') + '.py'
        files[path] = files.get(path, '"""A room."""\n') + text
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as stream:
            stream.write(text)
    output(['git', '-C', folder, 'init', '-q'])
    done = subprocess.run(['/usr/bin/python3', '-B', os.path.join(TOP, 'script', 'check-house'), folder],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == (1 if done.stdout else 0), done.stdout
    return done.stdout


def test_sound_house(tmp_path):
    assert faults(str(tmp_path)) == ''


@pytest.mark.parametrize('changes,says', [
    ({'kvm_graceful__model': 'import time\n'}, 'kvm_graceful/model.py:4: imports time; only clock may'),
    ({'kvm_graceful__shutdown': 'import libvirt\n'}, 'imports libvirt; only hypervisor.libvirt_ may'),
    ({'kvm_graceful__shutdown': 'def f():\n    import libvirt\n'}, 'imports libvirt; only hypervisor.libvirt_ may'),
    ({'kvm_graceful__shutdown': 'def f():\n    import daemon\n'}, 'imports daemon; only resident may'),
    ({'kvm_graceful__engine': 'import os.path\n'}, 'the core reaches os in engine'),
    ({'kvm_graceful__engine': 'from kvm_graceful import names\n', 'kvm_graceful__names': 'import os\n'},
     'engine: the core reaches os in names (which it imports)'),
    ({'kvm_graceful__engine': 'from kvm_graceful.hypervisor import libvirt_\n'},
     'the core reaches the port hypervisor.libvirt_'),
    ({'kvm_graceful__engine': 'from kvm_graceful import shutdown\n'},
     'engine.py:3: imports shutdown, which is above it'),
    ({'kvm_graceful__model': 'from kvm_graceful import clock\n',
      'kvm_graceful__clock': 'from kvm_graceful import model\n'},
     'imports form a circle: model -> clock -> model'),
    ({'kvm_graceful__clock': 'x = 1\n' * 300}, 'kvm_graceful/clock.py: 302 lines; a room has under 300'),
    ({'tests__test_x': ''}, ''),
])
def test_each_fault_is_found(tmp_path, changes, says):
    found = faults(str(tmp_path), **changes)
    assert says in found
    assert bool(found) == bool(says)


@pytest.mark.parametrize('name,text', [('tests/a.py', 'import os\n'), ('script/b', '#!/bin/sh\nset -eu\n'),
                                       ('script/c', '#!/usr/bin/python3\nimport os\n')])
def test_file_that_does_not_say_what_it_is_for(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text(text)
    assert faults(str(tmp_path)) == '%s: its first line does not say what it is for\n' % name
