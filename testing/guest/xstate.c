/*
 * Lets the User-Mode Linux of Debian 12 run on processors whose extended state
 * is larger than it knows of (those with AMX).
 *
 * It saves and restores a guest program's vector registers by ptrace, in a
 * buffer of fixed size. Reading a part is allowed, but Linux takes registers
 * back only in exactly the size of the whole state (else EFAULT), and the first
 * program of the guest dies of that. Preloaded into linux.uml, this hands the
 * state over in the size the machine wants. What is added is zero and marked
 * unused, as it is for every program that never asked for AMX.
 *
 * Newer kernels do this themselves; there, nothing here changes anything.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

/* Not on the stack: a guest process has only a small one. No second ptrace
 * runs meanwhile: the guest has one processor, and its kernel is one thread. */
static unsigned char whole[65536];

static long raw(long request, pid_t pid, void *address, void *data)
{
	return syscall(SYS_ptrace, request, pid, address, data);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	pid_t pid = va_arg(arguments, pid_t);
	void *address = va_arg(arguments, void *);
	void *data = va_arg(arguments, void *);
	va_end(arguments);

	if (request == PTRACE_SETREGSET && (unsigned long)address == NT_X86_XSTATE) {
		const struct iovec *given = data;
		struct iovec wanted = { whole, sizeof(whole) };

		if (raw(PTRACE_GETREGSET, pid, address, &wanted) == 0 &&
		    wanted.iov_len > given->iov_len) {
			memset(whole, 0, wanted.iov_len);
			memcpy(whole, given->iov_base, given->iov_len);
			return raw(request, pid, address, &wanted);
		}
	}
	/* The C library's way of giving back a word that was read. */
	if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
		long word;
		return raw(request, pid, address, &word) < 0 ? -1 : word;
	}
	return raw(request, pid, address, data);
}
