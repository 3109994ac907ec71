/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/calls.h"

#define OPEN_CREAT   00000100
#define OPEN_TMPFILE 020000000 /* __O_TMPFILE */

#define MODE_TYPE 0170000
#define MODE_CHR  0020000
#define MODE_BLK  0060000

/* The mode counts only when a file may come into being. */
static bool has_mode(u64 flags)
{
	return flags & (OPEN_CREAT | OPEN_TMPFILE);
}

void print_open(struct args *args)
{
	args_print_range(args, 0, args->count > 1 && has_mode(args->values[1]) ? 5 : 1);
}

void print_openat(struct args *args)
{
	args_print_range(args, 0, args->count > 2 && has_mode(args->values[2]) ? 3 : 2);
}

static void mknod_from(struct args *args, unsigned mode)
{
	u64 type = mode < args->count ? args->values[mode] & MODE_TYPE : 0;

	args_print_range(args, 0, mode - 1);
	if (mode < args->count) {
		args_next(args);
		text_add_file_mode(args->out, (u32)args->values[mode]);
	}
	if (type == MODE_CHR || type == MODE_BLK)
		args_print(args, mode + 1);
}

void print_mknod(struct args *args)
{
	mknod_from(args, 1);
}

void print_mknodat(struct args *args)
{
	mknod_from(args, 2);
}

/* ---- fcntl ---- */

/* What the third argument is; the numbers of the commands are those of set_fcntl_cmd. */
static void fcntl_argument(struct args *args)
{
	const struct value_set *set = NULL;

	switch ((u32)args->values[1]) {
	case 1:	   /* F_GETFD */
	case 3:	   /* F_GETFL */
	case 9:	   /* F_GETOWN */
	case 11:   /* F_GETSIG */
	case 1025: /* F_GETLEASE */
	case 1032: /* F_GETPIPE_SZ */
	case 1034: /* F_GET_SEALS */
		return;
	case 0:	   /* F_DUPFD */
	case 8:	   /* F_SETOWN */
	case 1027: /* F_DUPFD_QUERY */
	case 1030: /* F_DUPFD_CLOEXEC */
	case 1031: /* F_SETPIPE_SZ */
		args_int(args, 2);
		return;
	case 10: /* F_SETSIG */
		args_signal(args, 2);
		return;
	case 2: /* F_SETFD */
		set = &set_fd_flags;
		break;
	case 4: /* F_SETFL */
		set = value_set_of_abi(&set_open_flags, args->record->abi);
		break;
	case 1024: /* F_SETLEASE */
		set = &set_lock_type;
		break;
	case 1026: /* F_NOTIFY */
		set = &set_dnotify_flags;
		break;
	case 1033: /* F_ADD_SEALS */
		set = &set_seals;
		break;
	}
	if (set)
		args_set(args, 2, set);
	else if (value_set_name(&set_fcntl_cmd, (u32)args->values[1]))
		args_address(args, 2); /* locks, owners, hints */
	else
		args_hex(args, 2);
}

void print_fcntl(struct args *args)
{
	args_print_range(args, 0, 1);
	if (args->count > 2)
		fcntl_argument(args);
}

/* ---- ioctl ---- */

#define IOC_NR(request)	  ((request)&0xff)
#define IOC_TYPE(request) ((request) >> 8 & 0xff)
#define IOC_SIZE(request) ((request) >> 16 & 0x3fff)
#define IOC_DIR(request)  ((request) >> 30)

static void add_request(struct text *out, u32 request)
{
	static const char *const directions[] = { "_IOC_NONE", "_IOC_WRITE", "_IOC_READ",
						  "_IOC_READ|_IOC_WRITE" };

	text_add_literal(out, "_IOC(");
	text_adds(out, directions[IOC_DIR(request)]);
	text_add_literal(out, ", ");
	text_addx(out, IOC_TYPE(request));
	text_add_literal(out, ", ");
	text_addx(out, IOC_NR(request));
	text_add_literal(out, ", ");
	text_addx(out, IOC_SIZE(request));
	text_addc(out, ')');
}

void print_ioctl(struct args *args)
{
	const struct value_name *name;
	u32 request;

	args_print(args, 0);
	if (args->count < 2)
		return;
	request = (u32)args->values[1];
	name = value_set_name(&set_ioctl_request, request);
	args_next(args);
	if (name)
		text_add(args->out, name->name, name->len);
	else
		add_request(args->out, request);
	switch (request) {
	case 0x5450: /* FIONCLEX */
	case 0x5451: /* FIOCLEX */
		return;
	case 0x40049409: /* FICLONE */
		args_int(args, 2);
		return;
	}
	/* Without a direction it is rather a number than an address; not for ttys and sockets. */
	if (name && (IOC_DIR(request) || IOC_TYPE(request) == 0x54 || IOC_TYPE(request) == 0x89)) {
		if (args->count > 2)
			args_address(args, 2);
	} else if (args->count > 2) {
		args_hex(args, 2);
	}
}
