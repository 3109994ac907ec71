/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scheduling WAY: what a scheduler does, in known numbers. The threads of each way stay on one CPU.
 *
 *   pair     two children compute 0.3 s each on one CPU, so that they are preempted, and sleep 101 and 53 times; prints
 *            of each, as KEY VALUE, what /proc says of it at its end
 *   wake     two threads of real-time priority wake each other 211 times, through pipes
 *   across   the same from one CPU to another, where not every time one of them has gone to sleep already
 *   timer    sleeps 47 times
 *   packet   59 datagrams over loopback to a thread that waits for them
 *   threads  13 threads, one after the other
 *   migrate  is moved to the other CPU 17 times
 *   stop     a child stops itself 5 times and is continued
 *   sync     writes 7 blocks that must be on the disk
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "marker.h"
#include "workload.h"

#define WAKES	   211
#define SLEEPS	   47
#define PACKETS	   59
#define THREADS	   13
#define MIGRATIONS 17
#define STOPS	   5
#define BLOCKS	   7

static int cpus[2] = { -1, -1 };

static void find_cpus(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		FAIL("sched_getaffinity");
	for (int i = CPU_SETSIZE - 1; i >= 0; i--)
		if (CPU_ISSET(i, &allowed)) {
			cpus[1] = cpus[0];
			cpus[0] = i;
		}
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		FAIL("sched_setaffinity");
}

static void nap(long us)
{
	struct timespec time = { .tv_nsec = us * 1000 };

	nanosleep(&time, NULL);
}

static void compute_and_sleep(int sleeps)
{
	struct timespec now;
	volatile unsigned long sum = 0;

	for (int i = 0; i < sleeps; i++)
		nap(100);
	do {
		for (int i = 0; i < 10000; i++)
			sum += i;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while (now.tv_nsec < 300000000 && !now.tv_sec);
	_exit(0);
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
		if (!strcmp(name, "schedstat"))
			printf("%d schedstat: %s", pid, line);
		else if (strstr(line, "ctxt_switches"))
			printf("%d %s", pid, line);
	fclose(file);
}

static void pair(void)
{
	static const int sleeps[] = { 101, 53 };
	pid_t pids[2];
	siginfo_t info;

	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i])
			compute_and_sleep(sleeps[i]);
	}
	for (int i = 0; i < 2; i++)
		if (waitid(P_PID, pids[i], &info, WEXITED | WNOWAIT))
			FAIL("waitid");
	/* Zombies by now, but perhaps not yet off the CPU for the last time. */
	nap(20000);
	for (int i = 0; i < 2; i++) {
		print_file(pids[i], "status");
		print_file(pids[i], "schedstat");
		waitpid(pids[i], NULL, 0);
	}
}

static int there[2], back[2], answer_cpu;

static void be_real_time(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		FAIL("SCHED_FIFO");
}

static void *answer(void *unused)
{
	char byte;

	pin(answer_cpu);
	be_real_time();
	for (int i = 0; i < WAKES; i++)
		if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
			FAIL("answer");
	return unused;
}

static void wake(int cpu)
{
	pthread_t thread;
	char byte = 0;

	answer_cpu = cpu;
	be_real_time();
	if (pipe(there) || pipe(back) || pthread_create(&thread, NULL, answer, NULL))
		FAIL("wake");
	nap(20000);
	marker(1);
	for (int i = 0; i < WAKES; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			FAIL("wake");
	marker(2);
	pthread_join(thread, NULL);
}

static void *receive(void *fd)
{
	char byte;

	for (int i = 0; i < PACKETS; i++)
		if (recv(*(int *)fd, &byte, 1, 0) != 1)
			FAIL("recv");
	return NULL;
}

static void packet(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
	pthread_t thread;

	if (bind(receiver, (void *)&address, sizeof(address)) ||
	    getsockname(receiver, (void *)&address, &len) ||
	    connect(sender, (void *)&address, len) ||
	    pthread_create(&thread, NULL, receive, &receiver))
		FAIL("packet");
	for (int i = 0; i < PACKETS; i++) {
		nap(2000); /* meanwhile it waits */
		if (send(sender, "x", 1, 0) != 1)
			FAIL("send");
	}
	pthread_join(thread, NULL);
}

static void *nothing(void *unused)
{
	return unused;
}

static void threads(void)
{
	pthread_t thread;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
			FAIL("threads");
}

static void migrate(void)
{
	if (cpus[1] < 0)
		FAIL("only one CPU");
	marker(1);
	for (int i = 1; i <= MIGRATIONS; i++)
		pin(cpus[i % 2]);
	marker(2);
}

static void stop(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		for (int i = 0; i < STOPS; i++)
			raise(SIGSTOP);
		_exit(0);
	}
	for (int i = 0; i < STOPS; i++) {
		if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
			FAIL("waitpid");
		kill(pid, SIGCONT);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		FAIL("waitpid");
}

static void sync_blocks(void)
{
	static char block[4096];
	int fd = open("scheduling.data", O_CREAT | O_WRONLY | O_SYNC, 0600);

	for (int i = 0; i < BLOCKS; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			FAIL("scheduling.data");
	unlink("scheduling.data");
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";

	find_cpus();
	pin(cpus[0]);
	if (!strcmp(way, "pair"))
		pair();
	else if (!strcmp(way, "wake"))
		wake(cpus[0]);
	else if (!strcmp(way, "across") && cpus[1] >= 0)
		wake(cpus[1]);
	else if (!strcmp(way, "timer"))
		for (int i = 0; i < SLEEPS; i++)
			nap(1000);
	else if (!strcmp(way, "packet"))
		packet();
	else if (!strcmp(way, "threads"))
		threads();
	else if (!strcmp(way, "migrate"))
		migrate();
	else if (!strcmp(way, "stop"))
		stop();
	else if (!strcmp(way, "sync"))
		sync_blocks();
	else
		return 2;
	return 0;
}
