/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * grows: 7 mappings of 31 MiB, the first of them written page by page; the break moved by 16 MiB; all taken back. After
 * each step a line with the pages that /proc/self/statm counts: all and in memory, and of the latter those that are not
 * of files.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "workload.h"

#define MIB 1048576l

static void say(const char *step)
{
	static int fd = -1;
	char text[256];
	long size, resident, shared;
	ssize_t n;

	if (fd < 0)
		fd = open("/proc/self/statm", O_RDONLY);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	if (sscanf(text, "%ld %ld %ld", &size, &resident, &shared) != 3)
		FAIL("statm");
	dprintf(1, "%s %ld %ld %ld\n", step, size, resident, resident - shared);
}

int main(void)
{
	char *maps[7];

	say("start");
	for (int i = 0; i < 7; i++) {
		maps[i] = mmap(NULL, 31 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
		say("map");
	}
	for (long at = 0; at < 31 * MIB; at += 4096)
		maps[0][at] = 1;
	say("written");
	if (sbrk(16 * MIB) == (void *)-1)
		FAIL("sbrk");
	say("break");
	if (sbrk(-16 * MIB) == (void *)-1)
		FAIL("sbrk");
	say("broken");
	for (int i = 6; i >= 0; i--) {
		munmap(maps[i], 31 * MIB);
		say("unmap");
	}
	return 0;
}
