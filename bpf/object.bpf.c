/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The descriptors that a call has made: returned, written to memory, received in messages. Told to the groups
 * file and sock, which say what they are. Which call does what is data (struct call_object); none is known by
 * name here.
 */
#include "bpf/core.bpf.h"
#include "bpf/capture.bpf.h"
#include "bpf/object.bpf.h"

#define CLONE_PIDFD   0x1000
#define MAP_ANONYMOUS 0x20
#define SOL_SOCKET    1
#define SCM_RIGHTS    1
#define SCM_PIDFD     4

/* Its square is the steps of one walk through messages: some 500 descriptors. */
#define MESSAGE_STRIDE 32
#define MESSAGES_MAX   64

enum made_how { MADE_RETURNED = 0, MADE_WRITTEN = 1, MADE_RECEIVED = 2 };

static __always_inline void made(s32 fd, u32 how, u32 reason, s32 listener, u64 now)
{
	if (group_on(GROUP_file))
		file_made(fd, how, now);
	if (group_on(GROUP_sock) && reason)
		sock_made(fd, reason, listener, now);
}

static __always_inline void made_pair(u64 addr, u32 reason, u64 now)
{
	s32 fds[2];

	if (bpf_probe_read_user(fds, sizeof(fds), (void *)addr))
		return;
	made(fds[0], MADE_WRITTEN, reason, -1, now);
	made(fds[1], MADE_WRITTEN, reason, -1, now);
}

/* --- descriptors in messages */

struct message_walk {
	u64 header;		  /* the next msghdr */
	u64 control, control_end; /* the next control message */
	u64 fd, fd_end;		  /* the next descriptor */
	u32 headers;		  /* that are left */
	u32 word;		  /* bytes of a long of the caller */
};

enum { STEP_AGAIN = 0, STEP_DONE = 1 };

/* Global, so that the verifier looks at one step once, and at many of them once: see path.bpf.h. */
__noinline int object_message_step(struct message_walk *walk, u64 now)
{
	u32 word;

	if (!walk)
		return STEP_DONE;
	word = walk->word;
	if (walk->fd + 4 <= walk->fd_end) {
		s32 fd;

		if (!bpf_probe_read_user(&fd, sizeof(fd), (void *)walk->fd))
			made(fd, MADE_RECEIVED, SOCK_RECEIVED, -1, now);
		walk->fd += 4;
		return STEP_AGAIN;
	}
	if (walk->control + word + 8 <= walk->control_end) {
		u64 len = 0, here = walk->control, data = here + word + 8;
		s32 level_type[2] = {};

		walk->control = walk->control_end;
		if (bpf_probe_read_user(&len, word == 8 ? 8 : 4, (void *)here) ||
		    bpf_probe_read_user(level_type, sizeof(level_type), (void *)(here + word)))
			return STEP_AGAIN;
		if (len < word + 8 || len > walk->control_end - here)
			return STEP_AGAIN;
		walk->control = here + ((len + word - 1) & ~(u64)(word - 1));
		if (level_type[0] == SOL_SOCKET &&
		    (level_type[1] == SCM_RIGHTS || level_type[1] == SCM_PIDFD)) {
			walk->fd = data;
			walk->fd_end = here + len;
		}
		return STEP_AGAIN;
	}
	if (!walk->headers)
		return STEP_DONE;
	walk->headers--;
	/* msghdr: name, its length, vector, its count, control, its length; an mmsghdr is one and two words more. */
	if (word == 8) {
		u64 control[2] = {};

		bpf_probe_read_user(control, sizeof(control), (void *)(walk->header + 32));
		walk->control = control[0];
		walk->control_end = control[0] + control[1];
	} else {
		u32 control[2] = {};

		bpf_probe_read_user(control, sizeof(control), (void *)(walk->header + 16));
		walk->control = control[0];
		walk->control_end = walk->control + control[1];
	}
	walk->header += word * 8;
	return STEP_AGAIN;
}

__noinline int object_message_steps(struct message_walk *walk, u64 now)
{
	int step = STEP_AGAIN;

	for (int i = 0; i < MESSAGE_STRIDE && step == STEP_AGAIN; i++)
		step = object_message_step(walk, now);
	return step;
}

static __always_inline void made_by_messages(u64 header, u32 headers, bool compat, u64 now)
{
	struct message_walk walk = {
		.header = header,
		.headers = headers > MESSAGES_MAX ? MESSAGES_MAX : headers,
		.word = compat ? 4 : 8,
	};
	struct cpu_counters *c;

	for (int i = 0; i < MESSAGE_STRIDE; i++)
		if (object_message_steps(&walk, now))
			return;
	c = cpu_counters();
	if (c)
		c->lost[TRC_KIND_file]++;
}

/* --- by role */

static __always_inline bool is_command(const struct call_object *object, u32 command)
{
	for (int i = 0; i < OBJECT_COMMANDS; i++)
		if (command >= object->commands[i].first && command <= object->commands[i].last)
			return true;
	return false;
}

static __always_inline void made_by_clone(struct task_state *state,
					  const struct call_object *object, u64 now)
{
	u64 args[2]; /* the begin of struct clone_args: flags, pidfd */
	s32 fd;

	args[0] = call_arg(&state->call, object->arg);
	if (object->role == OBJECT_CLONE)
		args[1] = call_arg(&state->call, object->aux);
	else if (bpf_probe_read_user(args, sizeof(args), (void *)args[0]))
		return;
	if ((args[0] & CLONE_PIDFD) && !bpf_probe_read_user(&fd, sizeof(fd), (void *)args[1]))
		made(fd, MADE_WRITTEN, 0, -1, now);
}

static __always_inline void made_by(struct task_state *state, const struct call_object *object,
				    s64 ret, u64 now)
{
	bool compat = state->spec_index >= SPEC_PER_ABI;
	u32 found = object->flags & OBJECT_MAY_BE_SOCKET ? SOCK_FOUND : 0;
	u64 arg = call_arg(&state->call, object->arg);

	switch (object->role) {
	case OBJECT_FD_COMMAND:
		if (!is_command(object, arg))
			return;
		made(ret, MADE_RETURNED, found, -1, now);
		return;
	case OBJECT_FD_PAIR:
		made_pair(arg, 0, now);
		return;
	case OBJECT_SOCKET_PAIR:
		made_pair(arg, SOCK_PAIR, now);
		return;
	case OBJECT_MESSAGE:
		made_by_messages(arg, 1, compat, now);
		return;
	case OBJECT_MESSAGES:
		made_by_messages(arg, ret, compat, now);
		return;
	case OBJECT_CLONE:
	case OBJECT_CLONE_ARGS:
		if (group_on(GROUP_file))
			made_by_clone(state, object, now);
		return;
	}
}

__noinline int object_call_exit(struct task_state *state, s64 ret, u64 now)
{
	const struct call_object *object;
	struct syscall_spec *spec;
	u32 index;

	if (!state || !(group_on(GROUP_file) || group_on(GROUP_sock)))
		return 0;
	index = state->spec_index;
	spec = bpf_map_lookup_elem(&specs, &index);
	if (!spec)
		return 0;
	object = &spec->object;
	if (object->role == OBJECT_CONNECT) {
		/* When one began that was found is not known. */
		if (group_on(GROUP_sock) && state->call.state != TRC_SYSCALL_NO_ENTER)
			sock_connect(state, object, ret, now);
		return 0;
	}
	if (ret < 0 && ret >= -4095)
		return 0;
	switch (object->role) {
	case OBJECT_FD:
		made(ret, MADE_RETURNED, object->flags & OBJECT_MAY_BE_SOCKET ? SOCK_FOUND : 0, -1,
		     now);
		return 0;
	case OBJECT_SOCKET:
		made(ret, MADE_RETURNED, SOCK_SOCKET, -1, now);
		return 0;
	case OBJECT_ACCEPT:
		made(ret, MADE_RETURNED, SOCK_ACCEPT, call_arg(&state->call, object->arg), now);
		return 0;
	case OBJECT_DIR:
		if (group_on(GROUP_file))
			file_dirs(now);
		return 0;
	}
	if (object->role == OBJECT_MAP) {
		if (group_on(GROUP_file) && !(state->call.arg3 & MAP_ANONYMOUS))
			file_mapped(state, ret, object->flags & OBJECT_IN_PAGES, now);
	} else if (object->role == OBJECT_BIND) {
		if (group_on(GROUP_sock))
			sock_bind(state, object, now);
	} else {
		made_by(state, object, ret, now);
	}
	return 0;
}
