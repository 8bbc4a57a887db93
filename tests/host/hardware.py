"""What a host VM is made of. A machine goes on from its memory only where it is the same to the last device."""

import os

MEMORY_MIB = 1536
# Where several machines share two cores (script/test --host) one each: those that have two then wait for their own locks, and take
# four times as long. One machine alone is quicker with two.
PROCESSORS = 1 if os.environ.get('KVM_GRACEFUL_HOST_MATRIX') else 2
# Where machines take over from each other often, what each has translated is out of the processor's cache every time.
LONG_TURNS = ['chrt', '--batch', '0']
PORTS = 12  # for the serial consoles of guests
PAYLOAD_SIZE = 32 << 20
CONSOLE, COMMANDS, MONITOR = 'console', 'commands', 'monitor'
# What leads out of it: two serial ports, QEMU's monitor, and a port for each guest.
SOURCES = [CONSOLE, COMMANDS, MONITOR] + ['guest%d' % number for number in range(PORTS)]
# Random addresses have QEMU translate the same programs again and again: without them a boot takes a quarter less.
APPEND = ('console=ttyS0 root=/dev/vda rw quiet systemd.show_status=1 net.ifnames=0 mitigations=off tsc=reliable no_timer_check'
          ' random.trust_cpu=on panic=1 norandmaps nokaslr')


def qemu(image, disk, payload, folder, from_memory):
    """The command line: `disk` is a qcow2, `payload` raw; each source is a socket of that name in `folder`."""
    words = ['qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-smp', str(PROCESSORS), '-m', str(MEMORY_MIB), '-display', 'none',
             # Linux 6.12 with two processors of QEMU 7.2 double-faults where they have cmpxchg16b.
             '-nodefaults', '-no-reboot', '-cpu', 'qemu64,-cx16',
             '-kernel', image.kernel, '-initrd', image.initramfs, '-append', APPEND,
             '-drive', 'file=%s,if=virtio,format=qcow2,cache=unsafe' % disk,
             '-drive', 'file=%s,if=virtio,format=raw,readonly=on' % payload,
             '-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci,max_ports=%d' % (PORTS + 1)]
    for source in SOURCES:
        words += ['-chardev', 'socket,id=%s,path=%s/%s' % (source, folder, source)]
        words += (['-mon', 'chardev=%s,mode=control' % source] if source == MONITOR else
                  ['-serial', 'chardev:' + source] if source in (CONSOLE, COMMANDS) else
                  ['-device', 'virtserialport,chardev=%s,name=%s' % (source, source)])
    return LONG_TURNS + words + (['-incoming', 'exec:cat "%s"' % image.memory] if from_memory else [])
