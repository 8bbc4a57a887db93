"""What a case found, as rows and goals; as a table for people (Markdown) and as plain data for programs."""

import collections
import statistics

from .course import span_s

# A number that was to be reached: at most `limit`, or at least where `least`.
Goal = collections.namedtuple('Goal', 'text value limit unit')
Found = collections.namedtuple('Found', 'title rows goals notes')

COLUMNS = (('client', 'client', '%s'), ('total_s', 'total s', '%.2f'), ('ratio', 'ratio', '%.2f'), ('asks_s', 'asks s', '%.3f'),
           ('after_s', 'after s', '%.3f'), ('cpu_s', 'CPU s', '%.2f'), ('peak_mb', 'MB', '%.1f'), ('instructions', 'million instructions', '%.1f'), ('laps', 'laps', '%d'))
LEGEND = ('Medians. total: from the start of the client to its end; ratio: to the first line; asks: from the first press of a power '
          'button to the last, by the clock of QEMU; after: from the last guest that libvirtd was done with to the end of the client; '
          'CPU: with all children; MB: peak resident memory of the largest process.')


def row(client, laps, floor=None):
    """Medians of a client's laps, as plain data; `floor`: those of whom the ratio is to."""
    median = {key: statistics.median(getattr(lap, key) for lap in laps) for key in ('total_s', 'after_s', 'cpu_s', 'peak_mb')}
    found = dict(median, client=client, laps=len(laps), all_total_s=[lap.total_s for lap in laps])
    if all(lap.pressed for lap in laps):
        found['asks_s'] = statistics.median(span_s(lap) for lap in laps)
    if floor:
        found['ratio'] = median['total_s'] / statistics.median(lap.total_s for lap in floor)
    return found


def rows(raced):
    """One for each client of {client: its laps}; the first one is the floor."""
    floor = next(iter(raced.values()))
    return [row(client, laps, floor) for client, laps in raced.items()]


def middle(laps, of):
    return statistics.median(of(lap) for lap in laps)


def is_met(goal):
    return goal.value <= goal.limit


def data(found, judged):
    """A Found for programs; `judged`: the goals hold for what was run."""
    return {'title': found.title, 'rows': found.rows, 'notes': found.notes,
            'goals': [dict(goal._asdict(), met=is_met(goal) if judged else None) for goal in found.goals]}


def text(found, judged):
    """A Found for people."""
    used = [column for column in COLUMNS if any(column[0] in row for row in found.rows)]
    lines = ['', '%s:' % found.title, '']
    cells = [[head for _, head, _ in used], ['---'] * len(used)]
    cells += [[form % row[key] if key in row else '-' for key, _, form in used] for row in found.rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(used))]
    if found.rows:
        lines += ['| %s |' % ' | '.join(cell.ljust(width) if place == 0 else cell.rjust(width)
                                        for place, (cell, width) in enumerate(zip(line, widths))) for line in cells]
    for note in found.notes:
        lines.append('* %s' % note)
    for goal in found.goals:
        verdict = ('met' if is_met(goal) else 'MISSED') if judged else 'not judged with so few guests'
        lines.append('* goal: %s: %.4g %s, at most %.4g: %s' % (goal.text, goal.value, goal.unit, goal.limit, verdict))
    return '\n'.join(lines)
