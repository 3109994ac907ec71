/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * disk DEVICE: past the page cache, 31 reads of 4096 bytes, 17 writes of 8192, 5 times a write of 512 and a flush, 3
 * discards of 65536.
 *
 * disk -f FILE: writes 13 pages to a file and leaves it to the kernel to write them back: syncfs(2) has its
 * threads do so. Prints pid and inode number.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <stdint.h>
#include <sys/stat.h>

#include "workload.h"

static void use_device(const char *path, char *buffer)
{
	int fd = open(path, O_RDWR | O_DIRECT);

	if (fd < 0)
		FAIL(path);
	for (int i = 0; i < 31; i++)
		if (pread(fd, buffer, 4096, i * 8192) != 4096)
			FAIL("pread");
	for (int i = 0; i < 17; i++)
		if (pwrite(fd, buffer, 8192, i * 16384) != 8192)
			FAIL("pwrite");
	for (int i = 0; i < 5; i++)
		if (pwrite(fd, buffer, 512, i * 4096) != 512 || fsync(fd))
			FAIL("fsync");
	for (int i = 0; i < 3; i++)
		if (ioctl(fd, BLKDISCARD, (uint64_t[2]){ i * 131072, 65536 }))
			FAIL("BLKDISCARD");
}

static void use_file(const char *path, char *buffer)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct stat st;

	for (int i = 0; i < 13; i++)
		if (write(fd, buffer, 4096) != 4096)
			FAIL(path);
	if (syncfs(fd) || fstat(fd, &st))
		FAIL("syncfs");
	printf("%d %lu\n", getpid(), (unsigned long)st.st_ino);
}

int main(int argc, char **argv)
{
	char *buffer = aligned_alloc(4096, 65536);

	memset(buffer, 0x7a, 65536);
	if (argc == 3)
		use_file(argv[2], buffer);
	else if (argc == 2)
		use_device(argv[1], buffer);
	return 0;
}
