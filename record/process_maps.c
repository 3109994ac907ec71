/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/process_maps.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "common/alloc.h"
#include "common/cleanup.h"

int process_maps_each(u32 number, int (*take)(void *context, const struct process_map *map),
		      void *context)
{
	_cleanup_free_ char *name = xasprintf("/proc/%u/maps", number), *line = NULL;
	_cleanup_fclose_ FILE *file = fopen(name, "re");
	size_t room = 0;
	int err = 0;

	while (file && !err && getline(&line, &room, file) > 0) {
		unsigned long long start, end, offset, inode;
		struct process_map map;
		char mode[5];
		int path = 0;

		if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, mode, &offset,
			   &map.major, &map.minor, &inode, &path) < 7 ||
		    line[path] != '/')
			continue;
		line[strcspn(line, "\n")] = 0;
		map.start = start;
		map.end = end;
		map.offset = offset;
		map.inode = inode;
		map.prot = (mode[0] == 'r' ? PROT_READ : 0) | (mode[1] == 'w' ? PROT_WRITE : 0) |
			   (mode[2] == 'x' ? PROT_EXEC : 0);
		map.shared = mode[3] == 's';
		map.path = line + path;
		err = take(context, &map);
	}
	return err;
}
