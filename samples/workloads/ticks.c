/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ticks [N [MS]]: calls the marker N times (101 if not given), with 0, 1, 2 …, MS milliseconds apart (10 if not given),
 * and writes a line for each: its number and the time before the call, CLOCK_MONOTONIC in ns.
 */
#include <time.h>

#include "marker.h"
#include "workload.h"

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 101), ms = argument(argc, argv, 2, 10);
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	for (long i = 0; i < count; i++) {
		struct timespec now;

		if (i)
			nanosleep(&pause, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		dprintf(STDOUT_FILENO, "%ld %lld\n", i, now.tv_sec * 1000000000ll + now.tv_nsec);
		marker(i);
	}
	return 0;
}
