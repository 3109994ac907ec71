/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reads FILE: opens FILE and reads it with 31 read calls of 101 bytes, all of which must be full: FILE
 * holds at least 3131 bytes. Nothing else in the program reads 101 bytes.
 */
#include <fcntl.h>

#include "workload.h"

int main(int argc, char **argv)
{
	char buffer[101];
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;

	if (fd < 0)
		FAIL("reads FILE");
	for (int i = 0; i < 31; i++)
		if (read(fd, buffer, sizeof(buffer)) != sizeof(buffer))
			FAIL("read");
	return 0;
}
