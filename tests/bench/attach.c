/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Attaches every program of a BPF object and runs a command under it: attach OBJECT COMMAND [ARGUMENT…] */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A map named "tasks" is a task storage: the command becomes a target in it. */
static int mark(struct bpf_object *object, pid_t pid)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, "tasks");
	static const char zeroes[65536];
	int pidfd, err;

	if (!map)
		return 0;
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	err = bpf_map_update_elem(bpf_map__fd(map), &pidfd, zeroes, BPF_ANY);
	close(pidfd);
	return err;
}

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;
	int status, hold[2];
	char byte;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: attach OBJECT COMMAND [ARGUMENT...]\n");
		return 2;
	}
	object = bpf_object__open(argv[1]);
	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "attach: %s: %s\n", argv[1], strerror(errno));
		return 125;
	}
	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__attach(program)) {
			fprintf(stderr, "attach: %s: %s\n", bpf_program__name(program),
				strerror(errno));
			return 125;
		}
	}
	if (pipe(hold))
		return 125;
	pid = fork();
	if (!pid) {
		if (read(hold[0], &byte, 1) != 1)
			_exit(125);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (mark(object, pid) || write(hold[1], "", 1) != 1 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "attach: %s\n", strerror(errno));
		return 125;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
