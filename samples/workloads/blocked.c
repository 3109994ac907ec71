/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * blocked read|pause|futex|poll|nanosleep: makes the marker 29, then waits in that call for ever: the call
 * is still unfinished when the recording ends or the process is killed.
 */
#include <linux/futex.h>
#include <poll.h>
#include <time.h>

#include "marker.h"
#include "workload.h"

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "pause";
	struct timespec for_ever = { .tv_sec = 1 << 30 };
	int word = 0, fds[2];
	char byte;

	if (pipe(fds) < 0)
		FAIL("pipe");
	marker(29);
	for (;;) {
		if (!strcmp(way, "read"))
			(void)!read(fds[0], &byte, 1);
		else if (!strcmp(way, "futex"))
			syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		else if (!strcmp(way, "poll"))
			poll(NULL, 0, -1);
		else if (!strcmp(way, "nanosleep"))
			nanosleep(&for_ever, NULL);
		else
			pause();
	}
}
