"""The SVM ioctl from Python's fcntl.ioctl: the rows of spec 01 that show in values and errnos.

  python3 svm_walk.py NODE        prints TAP, exits with 1 when something differs
  python3 svm_walk.py NODE play   sets attributes of a buffer, prints its address, waits for
                                  a line, prints the first bytes; again until the end of input
"""

import ctypes
import errno
import fcntl
import os
import struct
import sys

PAGE = 4096
MIB = 1 << 20
SET, GET = 0, 1
UNDEFINED = 0xFFFFFFFF
DRM_IOCTL_VERSION = 0xC0406400
DRM_IOCTL_AMDGPU_GEM_SVM = 0xC020645A

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def map_memory(size):
    """Address of new private memory, readable and writable."""
    return libc.mmap(None, size, 3, 0x22, -1, 0)


def ioctl(node, request, argument):
    """0, or a negative errno; `argument` is a bytearray that is changed in place."""
    try:
        return fcntl.ioctl(node, request, argument, True)
    except OSError as error:
        return -error.errno


def call(node, operation, address, size, records, nattr=None, pointer=None):
    """The result and the values of the records afterwards."""
    data = ctypes.create_string_buffer(b"".join(struct.pack("<II", *record) for record in records), 8 * len(records))
    argument = bytearray(
        struct.pack(
            "<QQIIQ",
            address,
            size,
            operation,
            len(records) if nattr is None else nattr,
            ctypes.addressof(data) if pointer is None else pointer,
        )
    )
    result = ioctl(node, DRM_IOCTL_AMDGPU_GEM_SVM, argument)
    return result, [struct.unpack_from("<II", data.raw, 8 * index)[1] for index in range(len(records))]


class Tap:
    """Counts and prints what was checked."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def expect(self, what, actual, expected):
        self.count += 1
        good = actual == expected
        print(f"{'' if good else 'not '}ok {self.count} - {what}")
        if not good:
            self.failed += 1
            print(f"  # is {actual}, must be {expected}")


def version(node, tap):
    name = ctypes.create_string_buffer(16)
    argument = bytearray(struct.pack("<iiiiQQQQQQ", 0, 0, 0, 0, 15, ctypes.addressof(name), 0, 0, 0, 0))
    tap.expect("DRM_IOCTL_VERSION", ioctl(node, DRM_IOCTL_VERSION, argument), 0)
    tap.expect("the driver's name", name.value, b"amdgpu")
    tap.expect("its version and the length of its name", struct.unpack_from("<iii4xQ", argument)[::3], (3, 6))


def walk(node, tap):
    memory = map_memory(4 * MIB)
    version(node, tap)
    every = list(range(12))
    result, values = call(node, GET, memory, PAGE, [(kind, 0) for kind in every])
    tap.expect("GET of everything", result, 0)
    tap.expect("the defaults", values, [UNDEFINED, UNDEFINED, 2, 9, 1, 1, 0, 0, 0, 0, 0, 0])

    sent = [(0, 5), (1, 0), (2, 1), (3, 99), (4, 0), (5, 0), (6, 1), (7, 1), (8, 1), (9, 1), (10, 1), (11, 0)]
    tap.expect("SET of everything", call(node, SET, memory, MIB, sent)[0], 0)
    _, values = call(node, GET, memory, MIB, [(kind, 0) for kind in every])
    tap.expect("... comes back, the granularity limited", values, [5, 0, 1, 63, 0, 0, 1, 1, 1, 1, 1, 0])

    one = [(2, 1)]
    rows = [
        ("an unaligned address", (SET, memory + 1, PAGE, one), -errno.EINVAL),
        ("an unaligned size", (SET, memory, PAGE + 1, one), -errno.EINVAL),
        ("address 0", (SET, 0, PAGE, one), -errno.EINVAL),
        ("size 0", (SET, memory, 0, one), -errno.EINVAL),
        ("no records", (SET, memory, PAGE, one, 0), -errno.EINVAL),
        ("65 records", (SET, memory, PAGE, one, 65), -errno.EINVAL),
        ("a null pointer", (GET, memory, PAGE, one, None, 0), -errno.EINVAL),
        ("a bad pointer", (GET, memory, PAGE, one, None, 8), -errno.EFAULT),
        ("operation 2", (2, memory, PAGE, one), -errno.EINVAL),
        ("operation 2 with a bad pointer", (2, memory, PAGE, one, None, 8), -errno.EFAULT),
        ("an unknown attribute", (GET, memory, PAGE, [(12, 0)]), -errno.EINVAL),
        ("access 3", (SET, memory, PAGE, [(2, 3)]), -errno.EINVAL),
        ("a flag of 2", (SET, memory, PAGE, [(4, 2)]), -errno.EINVAL),
        ("GPU_ALWAYS_MAPPED", (SET, memory, PAGE, [(11, 1)]), -errno.EINVAL),
        ("no prefetch location", (SET, memory, PAGE, [(1, UNDEFINED)]), -errno.EINVAL),
        ("an interval that wraps", (SET, 2**64 - PAGE, 2 * PAGE, one), -errno.EINVAL),
        ("no memory", (SET, 0x10000, PAGE, one), -errno.EFAULT),
        ("no memory, but GET", (GET, 0x10000, PAGE, one), 0),
        ("a prefetch", (SET, memory, 4 * MIB, [(1, 1)]), 0),
    ]
    for what, arguments, expected in rows:
        tap.expect(what, call(node, *arguments)[0], expected)

    libc.mprotect(memory, PAGE, 0)
    tap.expect("records without permission to read", call(node, SET, memory + MIB, PAGE, one, 1, memory)[0], -errno.EFAULT)
    libc.munmap(memory, PAGE)
    tap.expect("SET across a hole", call(node, SET, memory, 2 * PAGE, one)[0], -errno.EFAULT)
    tap.expect("SET after it", call(node, SET, memory + PAGE, PAGE, one)[0], 0)
    tap.expect("a request this driver does not have", ioctl(node, 0xC010640C, bytearray(16)), -errno.EINVAL)


def play(node):
    memory = map_memory(4 * MIB)
    call(node, SET, memory, 4 * MIB, [(2, 2), (0, 1)])
    print(f"0x{memory:x}", flush=True)
    for line in sys.stdin:
        offset, length = (int(word, 0) for word in line.split())
        print(ctypes.string_at(memory + offset, length).hex(), flush=True)


def main():
    node = os.open(sys.argv[1], os.O_RDWR | os.O_CLOEXEC)
    if sys.argv[2:] == ["play"]:
        play(node)
        return 0
    tap = Tap()
    walk(node, tap)
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


sys.exit(main())
