/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * usage: one child that uses what a process can use: it computes and calls for about 0.4 s, touches 37 MiB,
 * writes and reads 4.1 MB, sleeps 43 times. When it has ended, and before it is reaped, its parent prints
 * what the kernel accounts to it, as KEY VALUE lines: the numbers that a recording must have too.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "workload.h"

#define TOUCHED_BYTES (37u << 20)

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void use(void)
{
	struct timespec nap = { .tv_nsec = 100000 };
	char *memory = mmap(NULL, TOUCHED_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static char block[41000];
	volatile unsigned long sum = 0;
	FILE *file = tmpfile();

	if (memory == MAP_FAILED || !file)
		FAIL("usage");
	for (size_t i = 0; i < TOUCHED_BYTES; i += 4096)
		memory[i] = 1;
	for (int i = 0; i < 100; i++)
		if (write(fileno(file), block, sizeof(block)) != sizeof(block))
			FAIL("write");
	lseek(fileno(file), 0, SEEK_SET);
	while (read(fileno(file), block, sizeof(block)) > 0)
		;
	for (int i = 0; i < 43; i++)
		nanosleep(&nap, NULL);
	while (cpu_seconds() < 0.4) {
		for (int i = 0; i < 1000; i++)
			sum += i;
		getppid();
	}
	_exit(53);
}

static void print_file(pid_t pid, const char *name)
{
	char path[64], line[1024];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "r");
	if (!file)
		FAIL(path);
	while (fgets(line, sizeof(line), file))
		printf("%s%s", strcmp(name, "stat") ? "" : "stat: ", line);
	fclose(file);
}

int main(void)
{
	struct rusage usage;
	siginfo_t info;
	pid_t pid = fork();
	int status;

	if (!pid)
		use();
	/* It stays a zombie meanwhile, so that /proc still knows its final numbers. */
	if (pid < 0 || waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		FAIL("waitid");
	printf("pid: %d\n", pid);
	print_file(pid, "stat");
	print_file(pid, "io");
	if (wait4(pid, &status, 0, &usage) != pid)
		FAIL("wait4");
	printf("status: %d\n", status);
	printf("utime_us: %ld\n", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec);
	printf("stime_us: %ld\n", usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec);
	printf("max_rss_kib: %ld\n", usage.ru_maxrss);
	printf("minor_faults: %ld\n", usage.ru_minflt);
	printf("major_faults: %ld\n", usage.ru_majflt);
	printf("voluntary_switches: %ld\n", usage.ru_nvcsw);
	printf("involuntary_switches: %ld\n", usage.ru_nivcsw);
	return 0;
}
