/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is read of a call's arguments: by their types, never by the call's name. */
#include "record/spec.h"

#include <limits.h>
#include <string.h>

#include "common/cleanup.h"

#define SOCKADDR_BYTES	 128 /* sizeof(struct sockaddr_storage) */
#define SIGSET_BYTES	 8
#define CLONE_ARGS_BYTES 88
#define POLLFD_BYTES	 8
#define POLLFDS_MAX	 64
#define FDSET_BYTES	 128 /* 1024 descriptors, as many as the C library's fd_set has */
#define EPOLL_EVENTS_MAX 16
#define STRV_BYTES	 4096
#define OPTION_BYTES	 16 /* ints, times, addresses; not the keys that some options set */

/* --- what of a struct is kept */

/* mode, size, device, inode, device that it is: offset and bytes of each. statx has devices as two u32. */
static const struct stat_layout {
	const char *name;
	const u8 *abis; /* those that have it so; 0 ends; NULL: all others */
	struct pick pick;
} stat_layouts[] = {
	{ "stat",
	  (const u8[]){ SYSCALL_ABI_X86_64, SYSCALL_ABI_X32, 0 },
	  { .fields = { { 24, 4 }, { 48, 8 }, { 0, 8 }, { 8, 8 }, { 40, 8 } } } },
	{ "stat",
	  (const u8[]){ SYSCALL_ABI_I386, SYSCALL_ABI_ARM, 0 },
	  { .fields = { { 8, 2 }, { 20, 4 }, { 0, 4 }, { 4, 4 }, { 16, 4 } } } },
	{ "stat", NULL, { .fields = { { 16, 4 }, { 48, 8 }, { 0, 8 }, { 8, 8 }, { 32, 8 } } } },
	{ "stat64",
	  (const u8[]){ SYSCALL_ABI_I386, 0 },
	  { .fields = { { 16, 4 }, { 44, 8 }, { 0, 8 }, { 88, 8 }, { 32, 8 } } } },
	{ "stat64",
	  (const u8[]){ SYSCALL_ABI_ARM, 0 },
	  { .fields = { { 16, 4 }, { 48, 8 }, { 0, 8 }, { 96, 8 }, { 32, 8 } } } },
	{ "statx",
	  NULL,
	  { .fields = { { 28, 2 }, { 40, 8 }, { 136, 8 }, { 32, 8 }, { 128, 8 } } } },
};
_Static_assert(ARRAY_SIZE(stat_layouts) <= PICK_LAYOUTS, "too many layouts for the map");

void spec_picks(struct pick *ret_picks)
{
	for (size_t i = 0; i < ARRAY_SIZE(stat_layouts); i++) {
		struct pick *pick = &ret_picks[i];

		*pick = stat_layouts[i].pick;
		for (size_t j = 0; j < PICK_FIELDS; j++)
			if (pick->fields[j].at + pick->fields[j].size > pick->span)
				pick->span = pick->fields[j].at + pick->fields[j].size;
	}
}

static int find_pick(const char *name, u8 abi)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(stat_layouts); i++)
		if (!strcmp(stat_layouts[i].name, name) &&
		    (!stat_layouts[i].abis || strchr((const char *)stat_layouts[i].abis, abi)))
			return i;
	return -1;
}

/* --- which captures an argument needs */

struct capture_context {
	const struct settings *settings;
	const struct syscall_desc *desc;
	struct syscall_spec *spec;
	u8 abi, pointer_bytes;
	u16 string_bytes, data_bytes;
};

static void add(struct capture_context *context, struct capture capture)
{
	struct syscall_spec *spec = context->spec;

	if (capture.limit && spec->capture_count < SPEC_CAPTURES)
		spec->captures[spec->capture_count++] = capture;
}

/* Structs of STRUCT_IN and STRUCT_OUT that are kept: those that analyze can read. */
static u16 struct_bytes(const struct capture_context *context, const struct syscall_arg *arg)
{
	static const char *const known[] = { "open_how", "rlimit64", "sched_param", "timezone" };
	const u8 pointer_bytes = context->pointer_bytes;

	if (!arg->set)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(arg->set, known[i]))
			return arg->aux;
	if (!strcmp(arg->set, "rlimit"))
		return 2 * pointer_bytes;
	if (!strcmp(arg->set, "old_sigaction"))
		return 4 * pointer_bytes;
	return 0;
}

static void add_struct(struct capture_context *context, const struct syscall_arg *arg,
		       struct capture capture)
{
	bool out = arg->type == ARG_STRUCT_OUT;

	capture.type = TRC_TYPE_bytes;
	capture.limit = struct_bytes(context, arg);
	capture.how = out ? CAPTURE_FIXED_OUT : CAPTURE_FIXED_IN;
	if (!arg->set) {
		return;
	} else if (!strcmp(arg->set, "sigset_argpack")) {
		capture.how = CAPTURE_BEHIND_IN;
		capture.limit = SIGSET_BYTES;
	} else if (!strcmp(arg->set, "clone_args")) {
		capture.how = CAPTURE_SIZED_IN;
		capture.aux = capture.arg + 1;
		capture.unit = 1;
		capture.limit = CLONE_ARGS_BYTES;
	} else if (!strncmp(arg->set, "linux_dirent", strlen("linux_dirent"))) {
		capture.how = CAPTURE_RECORDS_OUT;
		capture.type = TRC_TYPE_u64s;
		/* Behind inode number and offset, of a long each, or 64 bits. */
		capture.aux = strcmp(arg->set, "linux_dirent") ? 16 : 2 * context->pointer_bytes;
		capture.limit = sizeof(u64);
	}
	add(context, capture);
}

/* A vector's lengths; and what it holds, if that is wanted. */
static void add_vector(struct capture_context *context, struct capture capture, u8 lengths, u8 data)
{
	capture.how = lengths;
	capture.type = TRC_TYPE_u64s;
	capture.limit = UINT16_MAX;
	add(context, capture);
	capture.how = data;
	capture.type = TRC_TYPE_bytes;
	capture.limit = context->data_bytes;
	add(context, capture);
}

static void add_stat(struct capture_context *context, const struct syscall_arg *arg,
		     struct capture capture)
{
	int pick = find_pick(arg->set, context->abi);

	if (pick < 0)
		return;
	capture.how = CAPTURE_PICK_OUT;
	capture.type = TRC_TYPE_u64s;
	capture.aux = pick;
	capture.limit = PICK_FIELDS * sizeof(u64);
	add(context, capture);
}

static u8 epoll_event_bytes(u8 abi)
{
	return abi == SYSCALL_ABI_X86_64 || abi == SYSCALL_ABI_X32 || abi == SYSCALL_ABI_I386 ? 12
											      : 16;
}

/* handler, flags, restorer, then the mask. */
static u8 sigaction_bytes(const struct capture_context *context)
{
	return (context->abi == SYSCALL_ABI_RISCV64 ? 2 : 3) * context->pointer_bytes +
	       SIGSET_BYTES;
}

#define FIXED(how_, bytes)                                                                         \
	{                                                                                          \
		.how = (how_), .type = TRC_TYPE_bytes, .limit = (bytes)                            \
	}

static void capture_arg(struct capture_context *context, u8 i)
{
	const struct syscall_arg *arg = &context->desc->args[i];
	/* Limits that are 0 here depend on more than the type. */
	static const struct capture by_type[ARG_TYPE_MAX] = {
		[ARG_PATH] = { .how = CAPTURE_STR,
			       .type = TRC_TYPE_str,
			       .limit = PATH_MAX - 1,
			       .flags = CAPTURE_PATH },
		[ARG_STR] = { .how = CAPTURE_STR, .type = TRC_TYPE_str },
		[ARG_STRV] = { .how = CAPTURE_STRV, .type = TRC_TYPE_strv, .limit = STRV_BYTES },
		[ARG_PATH_OUT] = { .how = CAPTURE_RET_OUT,
				   .type = TRC_TYPE_str,
				   .limit = PATH_MAX,
				   .unit = 1 },
		[ARG_BUF_IN] = { .how = CAPTURE_SIZED_IN, .type = TRC_TYPE_bytes, .unit = 1 },
		[ARG_BUF_OUT] = { .how = CAPTURE_RET_OUT, .type = TRC_TYPE_bytes, .unit = 1 },
		[ARG_SOCKADDR_IN] = { .how = CAPTURE_SIZED_IN,
				      .type = TRC_TYPE_sockaddr,
				      .limit = SOCKADDR_BYTES,
				      .unit = 1 },
		[ARG_SOCKADDR_OUT] = { .how = CAPTURE_SIZED_OUT,
				       .type = TRC_TYPE_sockaddr,
				       .limit = SOCKADDR_BYTES },
		[ARG_FDS_OUT] = { .how = CAPTURE_FIXED_OUT,
				  .type = TRC_TYPE_fds,
				  .limit = 2 * sizeof(s32) },
		[ARG_TIMESPEC_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_TIMEVAL_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_ITIMERSPEC_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_ITIMERVAL_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_TIMESPEC_PAIR_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_TIMEVAL_PAIR_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_SIGSET_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_SIGACTION_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_TIMESPEC_OUT] = FIXED(CAPTURE_FIXED_OUT, 0),
		[ARG_TIMEVAL_OUT] = FIXED(CAPTURE_FIXED_OUT, 0),
		[ARG_ITIMERSPEC_OUT] = FIXED(CAPTURE_FIXED_OUT, 0),
		[ARG_ITIMERVAL_OUT] = FIXED(CAPTURE_FIXED_OUT, 0),
		[ARG_SIGSET_OUT] = FIXED(CAPTURE_FIXED_OUT, 0),
		[ARG_SIGACTION_OUT] = FIXED(CAPTURE_FIXED_OUT, 0),
		[ARG_INT_IN] = FIXED(CAPTURE_FIXED_IN, sizeof(s32)),
		[ARG_INT_OUT] = FIXED(CAPTURE_FIXED_OUT, sizeof(s32)),
		[ARG_OFF_INOUT] = { .how = CAPTURE_FIXED_IN,
				    .type = TRC_TYPE_bytes,
				    .limit = sizeof(s64),
				    .flags = CAPTURE_AGAIN },
		[ARG_POLLFDS] = { .how = CAPTURE_SIZED_IN,
				  .type = TRC_TYPE_bytes,
				  .limit = POLLFDS_MAX * POLLFD_BYTES,
				  .unit = POLLFD_BYTES,
				  .flags = CAPTURE_AGAIN | CAPTURE_POSITIVE },
		[ARG_FDSET] = { .how = CAPTURE_BITS_IN,
				.type = TRC_TYPE_bytes,
				.limit = FDSET_BYTES,
				.flags = CAPTURE_AGAIN | CAPTURE_POSITIVE },
		[ARG_EPOLL_EVENT_IN] = FIXED(CAPTURE_FIXED_IN, 0),
		[ARG_EPOLL_EVENTS_OUT] = { .how = CAPTURE_RET_OUT, .type = TRC_TYPE_bytes },
		[ARG_OPT_IN] = { .how = CAPTURE_SIZED_IN,
				 .type = TRC_TYPE_bytes,
				 .limit = OPTION_BYTES,
				 .unit = 1,
				 .flags = CAPTURE_OPTION },
		[ARG_OPT_OUT] = { .how = CAPTURE_SIZED_OUT,
				  .type = TRC_TYPE_bytes,
				  .limit = OPTION_BYTES,
				  .flags = CAPTURE_OPTION },
	};
	struct capture capture = by_type[arg->type];

	capture.arg = i;
	capture.aux = arg->aux;
	switch (arg->type) {
	case ARG_STR:
		capture.limit = context->string_bytes;
		break;
	case ARG_BUF_IN:
	case ARG_BUF_OUT:
		capture.limit = context->data_bytes;
		break;
	case ARG_STRV:
		/* An environment holds secrets. */
		if (!strcmp(arg->name, "envp") && !context->settings->environment)
			return;
		break;
	case ARG_TIMESPEC_OUT:
		if (!strcmp(arg->name, "rmtp"))
			capture.how = CAPTURE_LEFT_OUT;
		capture.limit = arg->aux;
		break;
	case ARG_TIMESPEC_IN:
	case ARG_TIMEVAL_IN:
		/* Of the time that a call may wait Linux writes back what is left. */
		if (context->desc->classes & SYSCALL_POLL)
			capture.flags = CAPTURE_AGAIN | CAPTURE_POSITIVE;
		/* fall through */
	case ARG_TIMEVAL_OUT:
	case ARG_ITIMERSPEC_IN:
	case ARG_ITIMERSPEC_OUT:
	case ARG_ITIMERVAL_IN:
	case ARG_ITIMERVAL_OUT:
	case ARG_SIGSET_IN:
	case ARG_SIGSET_OUT:
		capture.limit = arg->aux;
		break;
	case ARG_TIMESPEC_PAIR_IN:
	case ARG_TIMEVAL_PAIR_IN:
		capture.limit = 2 * arg->aux;
		break;
	case ARG_SIGACTION_IN:
	case ARG_SIGACTION_OUT:
		capture.limit = sigaction_bytes(context);
		break;
	case ARG_INT_OUT:
		/* Without a child that changed there is no status. */
		if (arg->set && !strcmp(arg->set, "wait_status"))
			capture.flags = CAPTURE_POSITIVE;
		break;
	case ARG_FDSET:
		capture.unit = context->pointer_bytes;
		break;
	case ARG_EPOLL_EVENT_IN:
		capture.limit = epoll_event_bytes(context->abi);
		break;
	case ARG_EPOLL_EVENTS_OUT:
		capture.unit = epoll_event_bytes(context->abi);
		capture.limit = EPOLL_EVENTS_MAX * capture.unit;
		break;
	case ARG_IOVEC_IN:
		add_vector(context, capture, CAPTURE_VECTOR_IN, CAPTURE_VECTOR_DATA_IN);
		return;
	case ARG_IOVEC_OUT:
		add_vector(context, capture, CAPTURE_VECTOR_IN, CAPTURE_VECTOR_DATA_OUT);
		return;
	case ARG_MSGHDR_IN:
		add_vector(context, capture, CAPTURE_MESSAGE_IN, CAPTURE_MESSAGE_DATA_IN);
		return;
	case ARG_MSGHDR_OUT:
		add_vector(context, capture, CAPTURE_MESSAGE_OUT, CAPTURE_MESSAGE_DATA_OUT);
		return;
	case ARG_MMSGHDR_IN:
	case ARG_MMSGHDR_OUT:
		capture.how = CAPTURE_MESSAGES_OUT;
		capture.type = TRC_TYPE_u64s;
		capture.limit = UINT16_MAX;
		break;
	case ARG_STAT_OUT:
		add_stat(context, arg, capture);
		return;
	case ARG_STRUCT_IN:
	case ARG_STRUCT_OUT:
		add_struct(context, arg, capture);
		return;
	}
	add(context, capture);
}

void spec_captures(const struct syscall_desc *desc, u8 abi, const struct settings *settings,
		   struct syscall_spec *spec)
{
	bool set = settings->string_bytes != STRING_BYTES_UNSET;
	struct capture_context context = {
		.settings = settings,
		.desc = desc,
		.spec = spec,
		.abi = abi,
		.pointer_bytes = spec_slot(abi) ? 4 : 8,
		.string_bytes = set ? settings->string_bytes : STRING_BYTES_DEFAULT,
		.data_bytes = set ? settings->string_bytes : 0, /* contents are private */
	};

	for (u8 i = 0; i < desc->arg_count; i++)
		capture_arg(&context, i);
}
