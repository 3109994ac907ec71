/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel says of files: the few fields of stat that are recorded, and entries of a directory; descriptors. */
#include "analyze/decode/structs.h"

#include <string.h>

#define MODE_TYPE 0170000
#define MODE_CHR  0020000
#define MODE_BLK  0060000

void text_add_file_mode(struct text *out, u32 mode)
{
	static const char *const types[] = { NULL,	"S_IFIFO", "S_IFCHR", NULL,	 "S_IFDIR",
					     NULL,	"S_IFBLK", NULL,      "S_IFREG", NULL,
					     "S_IFLNK", NULL,	   "S_IFSOCK" };
	u32 type = (mode & MODE_TYPE) >> 12;

	if (type < ARRAY_SIZE(types) && types[type]) {
		text_adds(out, types[type]);
		text_addc(out, '|');
		mode &= ~(u32)MODE_TYPE;
	}
	text_add_mode(out, mode);
}

static void add_device_pair(struct text *out, u32 major, u32 minor)
{
	text_add_literal(out, "makedev(");
	text_addx(out, major);
	text_add_literal(out, ", ");
	text_addx(out, minor);
	text_addc(out, ')');
}

void text_add_device(struct text *out, u64 device)
{
	add_device_pair(out, (device >> 8 & 0xfff) | (device >> 32 & ~0xfffu),
			(device & 0xff) | (device >> 12 & ~0xffu));
}

enum { STAT_MODE, STAT_SIZE, STAT_DEVICE, STAT_INODE, STAT_IS_DEVICE, STAT_COUNT };

bool args_add_stat(struct args *args, unsigned i)
{
	const struct trc_item *item = args_item(args, i, TRC_TYPE_u64s, 0);
	const char *set = args->plan->desc->args[i].set;
	bool is_statx = set && !strcmp(set, "statx");
	struct text *out = args->out;
	u64 fields[STAT_COUNT];
	u32 type;

	if (!item || item->len < sizeof(fields))
		return false;
	memcpy(fields, trc_item_data(item), sizeof(fields));
	type = fields[STAT_MODE] & MODE_TYPE;
	text_adds(out, is_statx ? "{stx_mode=" : "{st_mode=");
	text_add_file_mode(out, (u32)fields[STAT_MODE]);
	if (type != MODE_CHR && type != MODE_BLK) {
		text_adds(out, is_statx ? ", stx_size=" : ", st_size=");
		text_addi(out, (s64)fields[STAT_SIZE]);
	} else if (is_statx) {
		text_add_literal(out, ", stx_rdev=");
		add_device_pair(out, (u32)fields[STAT_IS_DEVICE],
				(u32)(fields[STAT_IS_DEVICE] >> 32));
	} else {
		text_add_literal(out, ", st_rdev=");
		text_add_device(out, fields[STAT_IS_DEVICE]);
	}
	text_add_literal(out, ", ...}");
	return true;
}

bool args_add_records(struct args *args, unsigned i)
{
	const struct trc_item *item = args_item(args, i, TRC_TYPE_u64s, 0);
	u64 count;

	if (item->len < sizeof(count))
		return false;
	memcpy(&count, trc_item_data(item), sizeof(count));
	text_add_address(args->out, args->values[i]);
	text_add_literal(args->out, " /* ");
	text_addu(args->out, count);
	text_adds(args->out, item->more ? " or more entries */" : " entries */");
	return true;
}

bool args_add_fds(struct args *args, unsigned i)
{
	const struct trc_item *item = args_item(args, i, TRC_TYPE_fds, 0);

	if (!item)
		return false;
	text_addc(args->out, '[');
	for (size_t at = 0; at + 4 <= item->len; at += 4) {
		s32 fd; /* in this machine's byte order already */

		memcpy(&fd, trc_item_data(item) + at, sizeof(fd));
		if (at)
			text_add_literal(args->out, ", ");
		text_add_fd(args->decoder, fd, DECODE_FD_MADE, args->out);
	}
	text_addc(args->out, ']');
	return true;
}
