"""Verbs, options, exit codes; nothing else."""
from __future__ import absolute_import, division, print_function

import functools
import os
import sys
from collections import namedtuple

from kvm_graceful import __version__, arguments, console, record, settings
from kvm_graceful.compat import Any  # noqa: F401 (type comments)
from kvm_graceful.errors import HostError, KvmGracefulError, UsageError
from kvm_graceful.report import asjson

CONSOLE_S = 3.0  # for the report on a console that takes none


def main(words):
    # type: (list) -> int
    """Runs `kvm-graceful WORDS`. Returns the exit code: 0 fine, 1 error, 2 usage or configuration, 3 forced, 4 still on."""
    try:
        chosen = _parser(words[:1]).parse_args(words)
    except SystemExit as error:  # argparse has said what is wrong, or printed its help
        return error.code if isinstance(error.code, int) else 2
    except ImportError:
        return _failed('argparse is missing; install python-argparse', 1)
    try:
        data, text = chosen.act(chosen)
    except KvmGracefulError as error:
        return _failed(str(error), error.exit_code)
    if chosen.json:
        text = asjson.text(data)
    if text:
        console.show(text, 1, CONSOLE_S if chosen.verb == 'host-stop' else None)
    return int(data['exit']) if chosen.verb != 'report' else 0


def entry(words):
    # type: (list) -> None
    """main() for the program itself: leaves at once, whatever thread still hangs in a call to libvirt."""
    while os.open(os.devnull, os.O_RDWR) <= 2:
        pass  # with a standard stream closed, the first pipe would take its number, and our text would go into it
    code = main(words)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, IOError, OSError, ValueError):
            pass  # closed, or None where it was closed from the start
    os._exit(code)


def _parser(wanted=()):
    # type: (Any) -> Any
    """The parser of all verbs; where `wanted` names one, of that one alone: each option costs start-up time."""
    import argparse  # Python 2.6 has it from a package of its own
    kind = functools.partial(argparse.HelpFormatter, width=console.columns() - 2)  # without a width it imports shutil for it
    parser = argparse.ArgumentParser(prog='kvm-graceful', description='Shuts the guests of a KVM host down in order, in time.',
                                     epilog='To begin with: check, then plan. kvm-graceful(8) explains all, and the exit codes.',
                                     formatter_class=kind)
    parser.add_argument('--version', nargs=0, help='show the version and exit',
                        action=arguments.version_action(argparse.Action, lambda: console.show('kvm-graceful %s' % __version__)))
    verbs = parser.add_subparsers(dest='verb', metavar='VERB')
    verbs.required = True
    for verb in [verb for verb in VERBS if verb.name in wanted] or VERBS:
        sub = verbs.add_parser(verb.name, help=verb.does, description=verb.does[0].upper() + verb.does[1:] + '.',
                               formatter_class=kind)
        sub.set_defaults(act=verb.act, verb=verb.name)
        sub.add_argument('--json', action='store_true', help='JSON alone on standard output')
        for options in verb.options:
            for words, more in _OPTIONS[options]:
                sub.add_argument(*words, **more)
    return parser


# Options that verbs share, as argparse takes them: ((words, keywords), ...).
_OPTIONS = {
    'state': ((('--state-dir',), dict(metavar='DIR', default=record.STATE_DIR,
                                      help='records and history (default: %(default)s)')),),
    'host': ((('--config',), dict(metavar='FILE', default=settings.CONFIG_FILE, help='settings for all (default: %(default)s)')),
             (('--guests',), dict(metavar='FILE', default=settings.GUESTS_FILE, dest='guests_file',
                                  help='settings for single guests (default: %(default)s)')),
             (('--uri',), dict(metavar='URI', action='append', default=[],
                               help='the hypervisor, instead of what URIS says there; may be given again'))),
    'again': ((('--again',), dict(action='store_true', help='the second call of a unit: not a word where nothing is left to do')),
              (('--run-dir',), dict(metavar='DIR', help='the lock of the run (default: /run/kvm-graceful-shutdown)'))),
    'deadline': ((('--deadline',), dict(metavar='SECONDS', type=arguments.seconds, help='for everything, instead of DEADLINE')),),
    'guests': ((('names',), dict(metavar='GUEST', nargs='*', help='only these guests')),),
    'shed': ((('--shed',), dict(action='store_true', help='for the watcher, with a list of its own')),),
    'keys': ((('names',), dict(metavar='GUEST', nargs=1, help='name of the guest')),
             (('assignments',), dict(metavar='KEY=VALUE', nargs='+', help='as in guests.conf; KEY= takes it away'))),
    'drilled': ((('names',), dict(metavar='GUEST', nargs='+', help='one after the other')),
                (('--yes',), dict(action='store_true', help='do not ask first'))),
    'look': ((('--brief',), dict(action='store_true', help='one line')),
             (('--watch',), dict(action='store_true', help='again every 2 seconds, until interrupted'))),
    'run': ((('run',), dict(metavar='N', nargs='?', type=int, help='its number, as --list has it (default: the last)')),
            (('--list',), dict(action='store_true', help='all that are recorded, one line each'))),
    'metrics': ((('--prometheus',), dict(action='store_true', help='metrics in the text format of Prometheus')),
                (('--textfile',), dict(metavar='DIR', help='write these metrics into a file in DIR, for node_exporter'))),
    'background': ((('--background',), dict(metavar='ACTION', choices=('start', 'stop', 'status'),
                                            help='for init scripts: start, stop or status of a watcher in the background')),
                   (('--pid-file',), dict(metavar='FILE', default='/run/kvm-graceful-watch.pid', help='(default: %(default)s)'))),
    'page': ((('--html',), dict(metavar='FILE', help='write one page for a browser, with a chart, into FILE')),),
    'file': ((('file',), dict(metavar='FILE', help='JSON; see kvm-graceful(8)')),),
}  # type: dict


def _options(chosen):
    # type: (Any) -> Any
    """preparation.Options of a verb that looks at the host's guests."""
    from kvm_graceful import preparation
    if os.geteuid():
        raise HostError('not root: guests of the host can be seen and shut down only by root; try sudo')
    state_dir = getattr(chosen, 'state_dir', record.STATE_DIR)
    # --json alone on standard output: progress for people goes to standard error then.
    return preparation.Options(settings=preparation.settings_of(chosen.verb, chosen.config, chosen.guests_file),
                               state_dir=state_dir, guests=getattr(chosen, 'names', []),
                               uris=chosen.uri, deadline_s=getattr(chosen, 'deadline', None),
                               descriptor=2 if chosen.json else 1, run_dir=_run_dir(state_dir, getattr(chosen, 'run_dir', None)))


def _run_dir(state_dir, given):
    # type: (str, str | None) -> str | None
    """Whoever keeps records elsewhere has a lock of their own there too."""
    return given if given or state_dir == record.STATE_DIR else os.path.join(state_dir, 'run')


# -- what each verb does: (data, text for people or an empty text)

def _plan(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import rehearsal
    from kvm_graceful.report import text
    data = rehearsal.plan(_options(chosen))
    if chosen.html:
        from kvm_graceful.report import files, html
        return data, files.page(chosen.html, html.plan(data))
    return data, text.plan(data, console.columns())


def _status(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import rehearsal, statuswatch
    from kvm_graceful.report import text
    if chosen.watch and chosen.json:
        raise UsageError('--watch is for people and --json for programs: one of the two')
    shown = text.brief if chosen.brief else text.status
    if chosen.watch:
        return statuswatch.watch(_options(chosen), shown), ''
    data = rehearsal.status(_options(chosen))
    return data, shown(data)


def _stop(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import shutdown
    data, text = _run_and_report(chosen, shutdown.shed if chosen.shed else shutdown.stop)
    return data, text + '\n\nTo start them again: kvm-graceful start' if text and data['guests'] else text


def _host_stop(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import shutdown
    data, text = _run_and_report(chosen, shutdown.host_stop)
    return data, '' if chosen.again and not data['acted'] else text


def _start(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import restore
    return _started((restore.start_shed if chosen.shed else restore.start)(_options(chosen)))


def _host_start(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import restore
    return _started(restore.host_start(_options(chosen)))


def _started(data):
    # type: (dict) -> tuple
    from kvm_graceful.report import startup
    return data, '\n' + startup.text(data) if data.get('acted', True) else 'kvm-graceful: %s' % data['why']


def _check(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import check
    from kvm_graceful.report import findings
    data = check.check(_options(chosen), chosen.config)
    if chosen.prometheus or chosen.textfile:
        from kvm_graceful.report import files, prometheus
        return data, files.metrics(chosen.textfile, prometheus.check_textfile(data), prometheus.CHECK_FILE_NAME)
    return data, findings.text(data, console.columns() if os.isatty(1) else None)


def _drill(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import drill
    from kvm_graceful.report import drill as report
    data = drill.drill(_options(chosen), lambda guests: drill.agreed(report.question(guests), chosen.yes))
    return data, '\n' + report.text(data) if data['acted'] else 'kvm-graceful: no guest was touched'


def _run_and_report(chosen, run):
    # type: (Any, Any) -> tuple
    from kvm_graceful.report import text  # before the run: at its end the host waits for us, perhaps on a dead disk
    data = run(_options(chosen))
    if chosen.json:
        return data, ''
    return data, '\n' + text.run(data, console.columns()) if data.get('acted', True) else 'kvm-graceful: %s' % data['why']


def _report(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import lookback
    from kvm_graceful.report import text
    if chosen.list:
        data = record.listing(chosen.state_dir)
        return data, text.runs(data)
    data = lookback.run(chosen.state_dir, chosen.run)
    if chosen.html:
        from kvm_graceful.report import files, html
        return data, files.page(chosen.html, html.run(data))
    if chosen.prometheus or chosen.textfile:
        from kvm_graceful.report import files, prometheus
        return data, files.metrics(chosen.textfile, prometheus.textfile(data))
    return data, text.run(data, console.columns())


def _set(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import metadata
    from kvm_graceful.report import text
    data = metadata.change(_options(chosen), chosen.assignments)
    return data, text.keys(data)


def _simulate(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import simulation
    from kvm_graceful.report import text
    data = simulation.run(simulation.load(chosen.file))
    return data, text.simulated(data)


def _watch(chosen):
    # type: (Any) -> tuple
    from kvm_graceful import children, watchservice
    if os.geteuid():
        raise HostError('not root: only root can shut the host down; try sudo')
    # In the background its folder is another one.
    state, config, guests = [os.path.abspath(path) for path in (chosen.state_dir, chosen.config, chosen.guests_file)]
    program = children.program(state, config, guests, chosen.uri)
    code, text = watchservice.act(chosen.background, chosen.pid_file, settings.load(config, guests), program, state)
    return {'schema': 1, 'verb': 'watch', 'exit': code}, text


# One verb: what it does, in a sentence; its function above; the options that it takes, by their names in _OPTIONS.
Verb = namedtuple('Verb', 'name does act options')

# In the order in which --help shows them. A verb imports its rooms when it is called: each costs start-up time.
VERBS = (
    Verb('check', 'what would go wrong at the next shutdown, and what to do about it', _check,
         ('state', 'host', 'deadline', 'metrics')),
    Verb('plan', 'what would happen if the host went down now', _plan, ('state', 'host', 'deadline', 'page', 'guests')),
    Verb('stop', 'shut all guests down, or those named, in order', _stop, ('state', 'host', 'deadline', 'shed', 'guests')),
    Verb('start', 'start the guests again that stop shut down, in order', _start, ('state', 'host', 'shed', 'guests')),
    Verb('drill', 'shut guests down and start them again, for real, to learn how long they take', _drill,
         ('state', 'host', 'deadline', 'drilled')),
    Verb('status', 'what is on, who needs whom, how the last shutdown went', _status, ('state', 'host', 'look', 'guests')),
    Verb('report', 'what happened in the last shutdown, or in that of number N', _report, ('state', 'run', 'metrics', 'page')),
    Verb('set', "write keys of guests.conf into a guest's own metadata", _set, ('host', 'keys')),
    Verb('simulate', 'what would happen to the guests that FILE describes', _simulate, ('file',)),
    Verb('watch', 'stay, and shut the host down when the battery has just enough left for it', _watch,
         ('state', 'host', 'background')),
    Verb('host-stop', 'for init systems: act only if the host is going down', _host_stop,
         ('state', 'host', 'deadline', 'again')),
    Verb('host-start', 'for init systems, at boot: start what host-stop shut down', _host_start, ('state', 'host')),
)


def _failed(text, code):
    # type: (str, int) -> int
    for line in text.splitlines():
        console.show('kvm-graceful: %s' % line, 2)
    return code
