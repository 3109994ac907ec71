/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/waits.h"

#include "analyze/decode/decoder.h"
#include "analyze/model/fds.h"
#include "analyze/model/futexes.h"
#include "analyze/model/waits_private.h"
#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

/* What a call waits for, before its arguments are looked at. */
enum wait_kind {
	KIND_none, /* not looked up yet */
	KIND_kernel,
	KIND_fd,
	KIND_lock,
	KIND_path,
	KIND_poll,
	KIND_child,
	KIND_timer,
	KIND_signal,
	KIND_futex,
	KIND_ipc,
	KIND_memory,
	KIND_exit,
	KIND_uring,
	KIND_disk,
	KIND_clone,
	KIND_restart,
};

struct waits {
	struct model *model;
	struct decoder *decoder;
	u8 kinds[SYSCALL_ABI_MAX][DIRECT_NR_LIMIT];
};

struct waits *waits_new(struct model *model, struct decoder *decoder)
{
	struct waits *waits = xcalloc(1, sizeof(*waits));

	waits->model = model;
	waits->decoder = decoder;
	return waits;
}

void waits_free(struct waits *waits)
{
	free(waits);
}

/* ---- kinds of calls ---- */

/* What the signature does not tell. A prefix, so that newer variants are with the older. */
static const struct {
	const char *prefix;
	u8 kind;
} names[] = {
	{ "poll", KIND_poll },
	{ "ppoll", KIND_poll },
	{ "select", KIND_poll },
	{ "_newselect", KIND_poll },
	{ "pselect6", KIND_poll },
	{ "epoll_wait", KIND_poll },
	{ "epoll_pwait", KIND_poll },
	{ "wait", KIND_child },
	{ "nanosleep", KIND_timer },
	{ "clock_nanosleep", KIND_timer },
	{ "mq_timed", KIND_ipc },
	{ "exit", KIND_exit },
	{ "execve", KIND_exit }, /* the other threads end first */
	{ "io_uring_enter", KIND_uring },
	{ "io_getevents", KIND_disk },
	{ "io_pgetevents", KIND_disk },
	{ "io_submit", KIND_disk },
	{ "sync", KIND_disk },
	{ "flock", KIND_lock },
	{ "fcntl", KIND_lock }, /* some of its commands */
	{ "clone", KIND_clone },
	{ "vfork", KIND_clone },
	{ "restart_syscall", KIND_restart },
};

static bool has_arg(const struct syscall_desc *desc, u8 type)
{
	for (unsigned i = 0; i < desc->arg_count; i++)
		if (desc->args[i].type == type)
			return true;
	return false;
}

static u8 find_kind(const struct syscall_desc *desc)
{
	if (!desc)
		return KIND_kernel;
	if (desc->classes & SYSCALL_FUTEX)
		return KIND_futex;
	if (desc->classes & SYSCALL_IPC)
		return KIND_ipc;
	/* readahead is none of "read…", sync_file_range has a descriptor. */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(desc->name, names[i].prefix, strlen(names[i].prefix)) &&
		    (names[i].kind != KIND_disk || !has_arg(desc, ARG_FD)))
			return names[i].kind;
	if (desc->classes & SYSCALL_MEMORY)
		return KIND_memory;
	if (has_arg(desc, ARG_FD))
		return KIND_fd;
	if (desc->classes & SYSCALL_SIGNAL)
		return KIND_signal;
	if (desc->classes & SYSCALL_FILE || has_arg(desc, ARG_DIRFD) || has_arg(desc, ARG_PATH))
		return KIND_path;
	return KIND_kernel;
}

static u8 kind_of(struct waits *waits, u8 abi, u32 nr)
{
	u8 *kind;

	if (abi >= SYSCALL_ABI_MAX || nr >= DIRECT_NR_LIMIT)
		return find_kind(decoder_syscall(waits->decoder, abi, nr));
	kind = &waits->kinds[abi][nr];
	if (!*kind)
		*kind = find_kind(decoder_syscall(waits->decoder, abi, nr));
	return *kind;
}

/* ---- objects ---- */

u8 wait_reason_of(const struct object *object)
{
	switch (object->type) {
	case OBJECT_file:
	case OBJECT_memfd:
		return WAIT_file;
	case OBJECT_directory:
		return WAIT_directory;
	case OBJECT_device:
		return WAIT_device;
	case OBJECT_pipe:
		return WAIT_pipe;
	case OBJECT_socket:
		return WAIT_socket;
	case OBJECT_epoll:
		return WAIT_poll;
	case OBJECT_timerfd:
		return WAIT_timer;
	case OBJECT_pidfd:
	case OBJECT_child:
		return WAIT_child;
	case OBJECT_uring:
		return WAIT_uring;
	case OBJECT_futex:
		return WAIT_futex;
	case OBJECT_unknown:
		return WAIT_unknown;
	default:
		return WAIT_event;
	}
}

/* Of several descriptors (splice, sendfile) the one that is most likely to make wait. */
static void find_fd(struct thread *thread, const struct trc_syscall *record,
		    const struct syscall_desc *desc, struct wait_cause *cause)
{
	for (unsigned i = 0; i < desc->arg_count; i++) {
		struct object *object;

		if (desc->args[i].type != ARG_FD)
			continue;
		object = object_of_fd(thread, (s32)syscall_arg(record, i));
		if (!object ||
		    (cause->object && object->type != OBJECT_pipe && object->type != OBJECT_socket))
			continue;
		cause->object = object;
		if (object->type == OBJECT_pipe || object->type == OBJECT_socket)
			break;
	}
	if (cause->object)
		cause->reason = wait_reason_of(cause->object);
	else if (desc->classes & SYSCALL_NETWORK)
		cause->reason = WAIT_socket;
}

/* Does the call wait until it has a lock? */
static bool is_locking(const struct trc_syscall *record, const struct syscall_desc *desc)
{
	enum { SETLKW = 7, SETLKW64 = 14, OFD_SETLKW = 38 };
	u32 command = (u32)syscall_arg(record, 1);

	return strncmp(desc->name, "fcntl", 5) != 0 || command == SETLKW ||
	       (command == SETLKW64 && abi_is_narrow(record->abi)) || command == OFD_SETLKW;
}

/* What was opened, or else the name that is looked up. */
static void find_path(struct waits *waits, struct thread *thread, const struct trc_syscall *record,
		      const struct syscall_desc *desc, struct wait_cause *cause)
{
	cause->reason = WAIT_file;
	if (desc->properties & SYSCALL_RETURNS_FD && record->ret >= 0 &&
	    record->state != TRC_SYSCALL_UNFINISHED)
		cause->object = object_of_fd(thread, (s32)record->ret);
	if (cause->object)
		cause->reason = wait_reason_of(cause->object);
	else
		cause->object = wait_path(waits->model, waits->decoder, thread, record);
}

/* As far as the arguments tell; 0: they do not, as where a list is given. */
static u64 futex_address(const struct trc_syscall *record, const struct syscall_desc *desc)
{
	const char *name = desc->arg_count ? desc->args[0].name : NULL;

	return name && !strcmp(name, "uaddr") ? syscall_arg(record, 0) : 0;
}

/* Linux' own numbers, of all machines: ERESTARTSYS and the like stand for EINTR, or for trying again. */
enum { EINTR_NUMBER = 4, ERESTART_FIRST = 512, ERESTART_RESTARTBLOCK = 516 };

static bool is_interrupted(const struct trc_syscall *record)
{
	return record->state == TRC_SYSCALL_UNFINISHED || record->ret == -EINTR_NUMBER ||
	       (record->ret <= -ERESTART_FIRST && record->ret >= -ERESTART_RESTARTBLOCK);
}

bool waits_again(const struct trc_syscall *record)
{
	return record->state != TRC_SYSCALL_UNFINISHED && record->ret == -ERESTART_RESTARTBLOCK;
}

struct wait_cause waits_call(struct waits *waits, struct thread *thread,
			     const struct trc_syscall *record, const struct wait_cause *before)
{
	const struct syscall_desc *desc = decoder_syscall(waits->decoder, record->abi, record->nr);
	struct wait_cause cause = { .reason = WAIT_unknown, .disk_reason = WAIT_disk };
	u8 kind = kind_of(waits, record->abi, record->nr);

	cause.interrupted = kind != KIND_exit && is_interrupted(record);

	switch (kind) {
	case KIND_fd:
		find_fd(thread, record, desc, &cause);
		break;
	case KIND_lock:
		find_fd(thread, record, desc, &cause);
		if (is_locking(record, desc))
			cause.reason = WAIT_lock;
		break;
	case KIND_path:
		find_path(waits, thread, record, desc, &cause);
		break;
	case KIND_poll:
		wait_poll(waits->model, thread, record, &cause);
		break;
	case KIND_child:
		wait_child(waits->model, waits->decoder, thread, record, &cause);
		break;
	case KIND_timer:
		cause.reason = WAIT_timer;
		break;
	case KIND_signal:
		cause.reason = WAIT_signal;
		break;
	case KIND_futex:
		cause.reason = WAIT_futex;
		cause.object = futex_object(waits->model, thread, futex_address(record, desc),
					    record->head.ts);
		break;
	case KIND_ipc:
		cause.reason = WAIT_ipc;
		break;
	case KIND_memory:
		cause.reason = WAIT_memory;
		break;
	case KIND_exit:
		cause.reason = WAIT_exit;
		cause.disk_object = wait_path(waits->model, waits->decoder, thread, record);
		break;
	case KIND_uring:
		/* To the kernel each of its waits is one for block I/O, also that for a socket. */
		cause.reason = cause.disk_reason = WAIT_uring;
		cause.object = object_of_fd(thread, (s32)syscall_arg(record, 0));
		break;
	case KIND_disk:
		cause.reason = WAIT_disk;
		break;
	case KIND_clone:
		wait_clone(waits->model, waits->decoder, thread, record, &cause);
		break;
	case KIND_restart:
		cause.reason = before->reason ? before->reason : WAIT_kernel;
		cause.object = before->object;
		break;
	default:
		cause.reason = WAIT_kernel;
	}
	return cause;
}
