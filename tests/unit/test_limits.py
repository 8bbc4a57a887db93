"""What a process may use, widened: in a child, for one's own limits are nobody else's business."""
from __future__ import absolute_import, division, print_function

import os
import resource
import threading
import unittest

from kvm_graceful import limits


def in_child(call):
    """What `call()` gives in a process of its own: two numbers."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(theirs, ('%d %d' % call()).encode('ascii'))
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(pid, 0)
    text = os.read(ours, 100)
    os.close(ours)
    return tuple(int(word) for word in text.split())


class Widen(unittest.TestCase):
    def test_few_descriptors_become_many(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

        def widened():
            resource.setrlimit(resource.RLIMIT_NOFILE, (50, hard))
            limits.widen()
            return resource.getrlimit(resource.RLIMIT_NOFILE)
        soft, after = in_child(widened)
        self.assertTrue(soft >= min(limits.DESCRIPTORS, hard) or soft == resource.RLIM_INFINITY, (soft, hard))
        self.assertTrue(after == hard or after == limits.DESCRIPTORS, (after, hard))

    def test_memory_that_somebody_limited_is_had_as_far_as_he_allows(self):
        def widened():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
            limits.widen()
            return resource.getrlimit(resource.RLIMIT_AS)
        self.assertEqual((resource.RLIM_INFINITY, resource.RLIM_INFINITY), in_child(widened))

    def test_what_is_there_is_never_taken_away(self):
        def widened():
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            limits.DESCRIPTORS = before[0] // 2
            limits.widen()
            return int(resource.getrlimit(resource.RLIMIT_NOFILE) == before), threading.stack_size()
        self.assertEqual((1, limits.STACK), in_child(widened))


if __name__ == '__main__':
    unittest.main()
