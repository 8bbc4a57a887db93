"""A slow or failing way to libvirtd's socket: run as `proxy.py SOCKET TARGET DELAY_S RESET_S`, prints a line once it listens.

Each piece that a client sends waits DELAY_S; each connection is reset RESET_S after it was made (0: never; below 0: at once).
"""

import os
import socket
import struct
import sys
import threading
import time


def carry(source, target, delay_s):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            time.sleep(delay_s)
            target.sendall(data)
    except OSError:
        pass
    for one in (source, target):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, path, delay_s, reset_s):
    if reset_s < 0:
        client.close()
        return
    target = socket.socket(socket.AF_UNIX)
    try:
        target.connect(path)
    except OSError:
        client.close()
        return
    for one, other, wait_s in ((client, target, delay_s), (target, client, 0)):
        threading.Thread(target=carry, args=(one, other, wait_s), daemon=True).start()
    if reset_s:
        time.sleep(reset_s)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        for one in (client, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main(path, target, delay_s, reset_s):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(50)
    print('listens', flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, target, float(delay_s), float(reset_s)), daemon=True).start()


if __name__ == '__main__':
    try:
        main(*sys.argv[1:])
    finally:
        os.unlink(sys.argv[1])
