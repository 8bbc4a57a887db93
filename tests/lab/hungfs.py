"""A file system that never answers, as a dead disk or a lost server is one: run as `hungfs.py FOLDER`, prints a line once mounted.

FUSE whose server takes requests and answers none but the first. It is gone, and all that hung on it is freed, when this process ends.
"""

import ctypes
import os
import struct
import sys

INIT = 26

libc = ctypes.CDLL(None, use_errno=True)


def main(folder):
    server = os.open('/dev/fuse', os.O_RDWR)
    options = 'fd=%d,rootmode=40000,user_id=0,group_id=0' % server
    if libc.mount(b'hung', folder.encode(), b'fuse', 0, options.encode()):
        sys.exit('mount: ' + os.strerror(ctypes.get_errno()))
    print('mounted', flush=True)
    while True:
        request = os.read(server, 1 << 20)
        opcode, number = struct.unpack_from('<4xIQ', request)
        if opcode == INIT:  # until then nobody's request is taken, and whoever waits could still be killed
            answer = struct.pack('<IIIIHHIIHH32x', 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0)
            os.write(server, struct.pack('<IiQ', 16 + len(answer), 0, number) + answer)


if __name__ == '__main__':
    main(sys.argv[1])
