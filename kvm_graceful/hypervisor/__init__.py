"""The port to guests: list them, carry out commands, tell facts.

Every implementation has `guests()` -> [Guest], `send(command)`, which never blocks, and `wait(until)` -> [fact], which ends at
the first fact or at the instant `until`.
"""
