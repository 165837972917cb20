"""System calls made inside a live process, to see what its sandbox denies.

    with Inject(pid) as p:
        p.call("open", b"/etc/shadow", os.O_RDONLY)     # -errno.EACCES

/proc does not say what Landlock and seccomp hold, so the process itself is
asked: it is stopped with ptrace(2), which root may do although it is not
dumpable, and single-stepped over the system call instruction it sits behind.
x86_64 only.
"""

import ctypes
import os
import signal
import time

NUMBERS = {
    "close": 3, "rt_sigaction": 13, "connect": 42, "socket": 41, "bind": 49,
    "setsockopt": 54, "fork": 57, "execve": 59, "kill": 62, "mkdir": 83,
    "unlink": 87, "chown": 92, "open": 2, "setuid": 105, "setgid": 106,
    "setgroups": 116, "ptrace": 101, "prctl": 157, "chroot": 161,
    "mount": 165, "keyctl": 250, "unshare": 272, "bpf": 321,
    "io_uring_setup": 425, "setns": 308, "truncate": 76,
}
X32 = 0x40000000
ATTACH, DETACH, GETREGS, SETREGS, SINGLESTEP = 16, 17, 12, 13, 9
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
SYSCALL = b"\x0f\x05"
EPOLL_WAITS = (232, 281, 441)   # epoll_wait, epoll_pwait, epoll_pwait2
PATIENCE = 30               # seconds until it waits for events
SCRATCH = 4096              # below the stack pointer, past the red zone

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]


class Registers(ctypes.Structure):
    """struct user_regs_struct of <sys/user.h>"""
    _fields_ = [(name, ctypes.c_ulonglong) for name in (
        "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax "
        "rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()]


class Inject:
    def __init__(self, pid):
        self.pid = pid

    def ptrace(self, request, data=None):
        if libc.ptrace(request, self.pid, None, data) == -1:
            raise OSError(ctypes.get_errno(), "ptrace %d" % request)

    def __enter__(self):
        self.saved = Registers()
        end = time.monotonic() + PATIENCE
        while not self.stopped_waiting():
            # at work; whoever asks is let in when it waits again
            self.ptrace(DETACH)
            assert time.monotonic() < end, "%d never waits" % self.pid
            time.sleep(0.02)
        self.memory = open("/proc/%d/mem" % self.pid, "r+b", buffering=0)
        # what epoll_wait(2) returns to follows the call
        assert self.read(self.saved.rip - 2, 2) == SYSCALL
        self.kept = self.read(self.saved.rsp - SCRATCH, SCRATCH)
        return self

    def stopped_waiting(self):
        """Stops it; True if that was in epoll_wait(2)."""
        self.ptrace(ATTACH)
        os.waitpid(self.pid, 0)
        self.ptrace(GETREGS, ctypes.byref(self.saved))
        return self.saved.orig_rax in EPOLL_WAITS

    def __exit__(self, *_):
        self.write(self.saved.rsp - SCRATCH, self.kept)
        self.memory.close()
        self.ptrace(SETREGS, ctypes.byref(self.saved))
        self.ptrace(DETACH)

    def read(self, address, size):
        self.memory.seek(address)
        return self.memory.read(size)

    def write(self, address, data):
        self.memory.seek(address)
        assert self.memory.write(data) == len(data)

    def call(self, name, *arguments, x32=False):
        """Its result, or -errno; bytes are passed by address."""
        regs = Registers.from_buffer_copy(self.saved)
        regs.rip -= len(SYSCALL)
        regs.orig_rax = 2**64 - 1       # nothing to restart
        regs.rax = NUMBERS[name] | (X32 if x32 else 0)
        self.buffer = place = self.saved.rsp - SCRATCH
        for register, value in zip(ARGUMENTS, arguments):
            if isinstance(value, bytes):
                self.write(place, value + b"\0")
                value, place = place, place + len(value) + 16 & ~15
            setattr(regs, register, value % 2**64)
        self.ptrace(SETREGS, ctypes.byref(regs))
        self.ptrace(SINGLESTEP)
        _, status = os.waitpid(self.pid, 0)
        assert os.WIFSTOPPED(status), "%s ended it: %#x" % (name, status)
        assert os.WSTOPSIG(status) == signal.SIGTRAP
        self.ptrace(GETREGS, ctypes.byref(regs))
        return ctypes.c_longlong(regs.rax).value

    def answer(self, size):
        """What the call wrote to its first bytes argument."""
        return self.read(self.buffer, size)
