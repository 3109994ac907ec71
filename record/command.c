/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/seccomp.h"

struct command {
	pid_t pid;
	int pidfd;
	int release_fd; /* writing a byte lets it go */
	int error_fd;	/* execve's errno comes here; closed by a successful exec */
	bool released;
	bool reaped; /* by whatever thread */
	int status;
};

extern char **environ;

static struct rlimit files_limit; /* the caller's, which the command gets */
static bool files_limit_raised;

void command_raise_files_limit(void)
{
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, &files_limit))
		return;
	raised = files_limit;
	raised.rlim_cur = raised.rlim_max;
	files_limit_raised = !setrlimit(RLIMIT_NOFILE, &raised);
}

static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EACCES;
	/* access() as root says yes to any x bit; a file without one cannot be executed by anyone. */
	if (!(st.st_mode & 0111) || access(path, X_OK))
		return -EACCES;
	return 0;
}

int command_find(const char *name, char **ret_path)
{
	const char *path = getenv("PATH");
	int found = -ENOENT;

	if (strchr(name, '/')) {
		int err = executable(name);

		if (!err)
			*ret_path = xstrdup(name);
		return err == -ENOTDIR ? -ENOENT : err;
	}
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*name) {
		size_t len = strcspn(path, ":");
		_cleanup_free_ char *candidate =
			len ? xasprintf("%.*s/%s", (int)len, path, name) : xasprintf("./%s", name);
		int err = executable(candidate);

		if (!err) {
			*ret_path = TAKE_PTR(candidate);
			return 0;
		}
		if (err == -EACCES)
			found = err;
		if (!path[len])
			break;
		path += len + 1;
	}
	return found;
}

static void __attribute__((noreturn))
child(const char *path, char *const argv[], const sigset_t *mask,
      const struct sigaction *child_action, int stdout_fd, const struct user *user,
      const struct sock_fprog *program, int hold_fd, int error_fd)
{
	char byte;
	int err;

	if (stdout_fd >= 0 && dup2(stdout_fd, STDOUT_FILENO) < 0)
		_exit(125);
	sigaction(SIGCHLD, child_action, NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (files_limit_raised)
		setrlimit(RLIMIT_NOFILE, &files_limit);
	if (read(hold_fd, &byte, 1) != 1)
		_exit(125); /* the recorder is gone */
	/* While there may still be the right to do it without giving others up. */
	err = program ? -seccomp_install(program) : 0;
	if (!err)
		err = -user_become(user);
	if (!err) {
		execve(path, argv, environ);
		err = errno;
	}
	if (write(error_fd, &err, sizeof(err)) != sizeof(err))
		_exit(125);
	_exit(127);
}

int command_start(const char *path, char *const argv[], const sigset_t *mask, int stdout_fd,
		  const struct user *user, const struct sock_fprog *program,
		  struct command **ret_command)
{
	int hold[2] = { -1, -1 }, error[2] = { -1, -1 }, err, pidfd;
	const struct sigaction default_action = { .sa_handler = SIG_DFL };
	struct sigaction child_action;
	struct command *command;
	pid_t pid;

	if (pipe2(hold, O_CLOEXEC) || pipe2(error, O_CLOEXEC)) {
		err = -errno;
		goto fail;
	}
	/* Where our parent ignores it the kernel would throw the command's status away. */
	sigaction(SIGCHLD, &default_action, &child_action);
	pid = fork();
	if (pid < 0) {
		err = -errno;
		goto fail;
	}
	if (!pid) {
		close(hold[1]); /* or its own copy would keep it waiting for ever */
		child(path, argv, mask, &child_action, stdout_fd, user, program, hold[0], error[1]);
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		err = -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		goto fail;
	}
	close(hold[0]);
	close(error[1]);
	command = xcalloc(1, sizeof(*command));
	command->pid = pid;
	command->pidfd = pidfd;
	command->release_fd = hold[1];
	command->error_fd = error[0];
	*ret_command = command;
	return 0;
fail:
	for (int i = 0; i < 2; i++) {
		closep(&hold[i]);
		closep(&error[i]);
	}
	return err;
}

pid_t command_pid(const struct command *command)
{
	return command->pid;
}

int command_pidfd(const struct command *command)
{
	return command->pidfd;
}

#define RELEASE_TURN_MS 100

int command_release(struct command *command, void (*meanwhile)(void *context), void *context)
{
	struct pollfd poll_fd = { .fd = command->error_fd, .events = POLLIN };
	int err = 0;
	ssize_t n;

	command->released = true;
	if (write(command->release_fd, "", 1) != 1)
		return -errno;
	while (poll(&poll_fd, 1, RELEASE_TURN_MS) <= 0)
		meanwhile(context);
	do
		n = read(command->error_fd, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	return n == sizeof(err) ? -err : 0;
}

static bool is_reaped(const struct command *command)
{
	return __atomic_load_n(&command->reaped, __ATOMIC_ACQUIRE);
}

void command_reaped(struct command *command, int status)
{
	command->status = status;
	__atomic_store_n(&command->reaped, true, __ATOMIC_RELEASE);
}

bool command_ended(struct command *command, int *ret_status)
{
	struct pollfd poll_fd = { .fd = command->pidfd, .events = POLLIN };
	int status;

	/* Before its end waitpid() would take the stops away from the thread that traces it. */
	if (!is_reaped(command) && poll(&poll_fd, 1, 0) > 0 &&
	    waitpid(command->pid, &status, WNOHANG) == command->pid)
		command_reaped(command, status);
	if (!is_reaped(command))
		return false;
	*ret_status = command->status;
	return true;
}

void command_wait(struct command *command, int *ret_status)
{
	struct pollfd poll_fd = { .fd = command->pidfd, .events = POLLIN };

	/* Where another thread has taken the status, it is about to say so. */
	while (!command_ended(command, ret_status))
		poll(&poll_fd, 1, -1);
}

void command_signal(const struct command *command, int signal_number)
{
	/* Not by its pid: where the thread that traces it has just taken its status, that may be another's by now. */
	(void)syscall(SYS_pidfd_send_signal, command->pidfd, signal_number, NULL, 0);
}

void command_abandon(struct command *command)
{
	if (!command->released)
		command_signal(command, SIGKILL);
	command->released = true;
}

void command_free(struct command *command)
{
	if (!command)
		return;
	if (!command->released) {
		int status;

		command_abandon(command);
		command_wait(command, &status);
	}
	close(command->pidfd);
	close(command->release_fd);
	close(command->error_fd);
	free(command);
}
