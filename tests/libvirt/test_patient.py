"""With nothing configured, nobody is forced while there is time that nobody else needs."""


def test_a_healthy_guest_that_needs_200_of_the_300_seconds_is_not_forced(patient_run):
    """It was asked when the first test began (conftest.patient_run)."""
    fleet, running = patient_run
    guest, = fleet.guests
    ended = running.wait(limit_s=330)
    assert ended.exit == 0, ended
    told = ended.guest('patient')
    # After 15, 45 and 105 s again: when it was first asked it had been on for less than a minute, and might have been booting still.
    assert (told['outcome'], told['forced'], told['presses']) == ('off', None, 4)
    assert guest.said() == ['READY'] + ['PRESSED'] * 4 + ['OFF']
    assert 195 <= told['off'] <= 230
    assert ended.json['deadline'] == 300
    assert guest.disk_says() == 'CLEAN'
