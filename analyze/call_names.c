/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/call_names.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>
#include <string.h>

#define DIRECT_ABIS 8
#define DIRECT_NRS  1024

struct far_call { /* not in the direct table */
	u8 abi;
	u32 nr;
	u32 id;
};

struct call_names {
	struct decoder *decoder;
	struct call_name *names;
	u32 count;
	size_t capacity;
	u16 by_name[2 * CALL_NAMES_MAX];     /* open addressing; id + 1, 0: free */
	u16 direct[DIRECT_ABIS][DIRECT_NRS]; /* id + 1; 0: not seen */
	struct far_call *far; /* open addressing; a slot with id CALL_NAMES_MAX is free */
	u32 far_count, far_capacity;
	struct far_call last_far;
};

const char *activity_name(u8 activity)
{
	static const char *const names[ACTIVITY_MAX] = {
		[ACTIVITY_OUTSIDE] = "outside system calls: own code",
		[ACTIVITY_CHILD] = "waiting for a child",
		[ACTIVITY_SLEEP] = "sleeping until a time",
		[ACTIVITY_LOCK] = "futexes (locks, conditions), flock",
		[ACTIVITY_POLL] = "waiting for readiness (poll, epoll)",
		[ACTIVITY_READ] = "reading (files, pipes, sockets)",
		[ACTIVITY_WRITE] = "writing (files, pipes, sockets)",
		[ACTIVITY_NETWORK] = "network calls",
		[ACTIVITY_FILE] = "opening, looking up, closing files",
		[ACTIVITY_MEMORY] = "memory calls",
		[ACTIVITY_PROCESS] = "creating and ending processes",
		[ACTIVITY_SIGNAL] = "waiting for and handling signals",
		[ACTIVITY_OTHER] = "other calls",
	};

	return activity < ACTIVITY_MAX ? names[activity] : "";
}

/* What the classes do not tell. A prefix, so that the newer variants of a call are with the older. */
static const struct {
	const char *prefix;
	u8 activity;
} rules[] = {
	{ "wait", ACTIVITY_CHILD },
	{ "nanosleep", ACTIVITY_SLEEP },
	{ "clock_nanosleep", ACTIVITY_SLEEP },
	{ "pause", ACTIVITY_SIGNAL },
	{ "rt_sigtimedwait", ACTIVITY_SIGNAL },
	{ "futex", ACTIVITY_LOCK },
	{ "flock", ACTIVITY_LOCK },
	{ "read", ACTIVITY_READ },
	{ "pread", ACTIVITY_READ },
	{ "getdents", ACTIVITY_FILE },
	{ "write", ACTIVITY_WRITE },
	{ "pwrite", ACTIVITY_WRITE },
	{ "fsync", ACTIVITY_WRITE },
	{ "fdatasync", ACTIVITY_WRITE },
	{ "sync", ACTIVITY_WRITE },
	{ "sendfile", ACTIVITY_WRITE },
	{ "splice", ACTIVITY_WRITE },
	{ "copy_file_range", ACTIVITY_WRITE },
	{ "io_uring_enter", ACTIVITY_POLL },
	{ "epoll_", ACTIVITY_POLL },
	{ "readlink", ACTIVITY_FILE },
	{ "readahead", ACTIVITY_FILE },
	{ "exit", ACTIVITY_PROCESS },
};

static u8 activity_of(const char *name, const struct syscall_desc *desc)
{
	static const struct {
		u32 class;
		u8 activity;
	} classes[] = {
		{ SYSCALL_FUTEX, ACTIVITY_LOCK },      { SYSCALL_POLL, ACTIVITY_POLL },
		{ SYSCALL_NETWORK, ACTIVITY_NETWORK }, { SYSCALL_PROCESS, ACTIVITY_PROCESS },
		{ SYSCALL_SIGNAL, ACTIVITY_SIGNAL },   { SYSCALL_MEMORY, ACTIVITY_MEMORY },
		{ SYSCALL_FILE, ACTIVITY_FILE },       { SYSCALL_STAT, ACTIVITY_FILE },
		{ SYSCALL_DESC, ACTIVITY_FILE },
	};
	size_t longest = 0;
	u8 activity = ACTIVITY_OTHER;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		size_t len = strlen(rules[i].prefix);

		if (len > longest && !strncmp(name, rules[i].prefix, len)) {
			longest = len;
			activity = rules[i].activity;
		}
	}
	if (longest || !desc)
		return activity;
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (desc->classes & classes[i].class)
			return classes[i].activity;
	return activity;
}

struct call_names *call_names_new(struct decoder *decoder)
{
	struct call_names *names = xcalloc(1, sizeof(*names));

	names->decoder = decoder;
	return names;
}

void call_names_free(struct call_names *names)
{
	if (!names)
		return;
	free(names->names);
	free(names->far);
	free(names);
}

static u16 *name_slot(struct call_names *names, const char *name)
{
	size_t i = hash_bytes(name, strlen(name)) % ARRAY_SIZE(names->by_name);

	while (names->by_name[i] && strcmp(names->names[names->by_name[i] - 1].name, name))
		i = (i + 1) % ARRAY_SIZE(names->by_name);
	return &names->by_name[i];
}

static u32 add_name(struct call_names *names, const char *name, const struct syscall_desc *desc)
{
	if (names->count == CALL_NAMES_MAX - 1)
		name = "(other)";
	else if (names->count == CALL_NAMES_MAX)
		return CALL_NAMES_MAX - 1;
	ARRAY_RESERVE(names->names, names->capacity, names->count + 1);
	names->names[names->count] = (struct call_name){ name, desc, activity_of(name, desc) };
	return names->count++;
}

/* First sight of a number: its name may be known from another ABI. */
static u32 name_id(struct call_names *names, u8 abi, u32 nr)
{
	const struct syscall_desc *desc = decoder_syscall(names->decoder, abi, nr);
	const char *name;
	u16 *slot;

	/* Checked first, or unknown numbers would make the decoder hold a name each. */
	if (!desc && names->count == CALL_NAMES_MAX)
		return CALL_NAMES_MAX - 1;
	name = decoder_syscall_name(names->decoder, abi, nr);
	slot = name_slot(names, name);
	if (*slot)
		return *slot - 1u;
	if (names->count < CALL_NAMES_MAX)
		*slot = (u16)(names->count + 1);
	return add_name(names, name, desc);
}

static struct far_call *far_slot(struct call_names *names, u8 abi, u32 nr)
{
	u32 i = (u32)hash_number(0, (u64)abi << 32 | nr) & (names->far_capacity - 1);

	while (names->far[i].id != CALL_NAMES_MAX &&
	       (names->far[i].nr != nr || names->far[i].abi != abi))
		i = (i + 1) & (names->far_capacity - 1);
	return &names->far[i];
}

static void grow_far(struct call_names *names)
{
	struct far_call *old = names->far;
	u32 old_capacity = names->far_capacity;

	names->far_capacity = old_capacity ? old_capacity * 2 : 256;
	names->far = xcalloc(names->far_capacity, sizeof(*names->far));
	for (u32 i = 0; i < names->far_capacity; i++)
		names->far[i].id = CALL_NAMES_MAX;
	for (u32 i = 0; i < old_capacity; i++)
		if (old[i].id != CALL_NAMES_MAX)
			*far_slot(names, old[i].abi, old[i].nr) = old[i];
	free(old);
}

static u32 far_id(struct call_names *names, u8 abi, u32 nr)
{
	struct far_call *slot;

	if (names->far_count && names->last_far.abi == abi && names->last_far.nr == nr)
		return names->last_far.id;
	if ((names->far_count + 1) * 2 > names->far_capacity && names->far_count <= CALL_NAMES_MAX)
		grow_far(names);
	slot = far_slot(names, abi, nr);
	if (slot->id == CALL_NAMES_MAX) {
		if (names->far_count > CALL_NAMES_MAX)
			return name_id(names, abi, nr);
		names->far_count++;
		*slot = (struct far_call){ abi, nr, name_id(names, abi, nr) };
	}
	names->last_far = *slot;
	return slot->id;
}

u32 call_names_id(struct call_names *names, u8 abi, u32 nr)
{
	u16 *id;

	if (abi >= DIRECT_ABIS || nr >= DIRECT_NRS)
		return far_id(names, abi, nr);
	id = &names->direct[abi][nr];
	if (!*id)
		*id = (u16)(name_id(names, abi, nr) + 1);
	return *id - 1u;
}

const struct call_name *call_names_get(const struct call_names *names, u32 id)
{
	return &names->names[id];
}
