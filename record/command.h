/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The command to record: started but held on a pipe until every probe is live, then released.
 */
#pragma once

#include <linux/filter.h>
#include <signal.h>
#include <sys/types.h>

#include "common/types.h"
#include "record/user.h"

struct command;

/* The file that a shell would run for `name`: 0 and *ret_path (free it), -ENOENT, -EACCES (there, not executable). */
int command_find(const char *name, char **ret_path);

/*
 * From here on the recorder may open as many files as it can be allowed to: each process that it attaches to takes one,
 * and so does each CPU. A command that is started gets the limit that there was.
 */
void command_raise_files_limit(void);
/*
 * Forks the child, which waits. It runs with that signal mask; stdout_fd, if not -1, becomes its standard output;
 * `program`, if not NULL, is the seccomp program that it installs for itself when it is released. 0 or -errno.
 */
int command_start(const char *path, char *const argv[], const sigset_t *mask, int stdout_fd,
		  const struct user *user, const struct sock_fprog *program,
		  struct command **ret_command);
pid_t command_pid(const struct command *command);
int command_pidfd(const struct command *command); /* readable when the command has ended */
/*
 * Lets it exec and waits for that; `meanwhile` is called again and again, as a file system may take its time. 0, or the
 * -errno with which execve failed: it has ended then.
 */
int command_release(struct command *command, void (*meanwhile)(void *context), void *context);
/* Waits for its end. */
void command_wait(struct command *command, int *ret_status);
/* Collects the status once the pidfd is readable; true if it has ended. */
bool command_ended(struct command *command, int *ret_status);
/* From the thread that traces it: it has taken the status itself. */
void command_reaped(struct command *command, int status);
/* To the command, and to no one if it has ended. */
void command_signal(const struct command *command, int signal_number);
/* Kills a command that was never released. */
void command_abandon(struct command *command);
/* The same, and frees. */
void command_free(struct command *command);
