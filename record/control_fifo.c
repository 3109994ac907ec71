/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/control_fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/suggest.h"
#include "record/user.h"

#define LINE_MAX_BYTES 256

struct control_fifo {
	int fd, answer_fd;
	size_t len;
	bool too_long; /* the rest of the line is skipped */
	char bytes[LINE_MAX_BYTES];
};

static const char *const names[] = {
	[CONTROL_NONE] = "",	     [CONTROL_START] = "start", [CONTROL_STOP] = "stop",
	[CONTROL_FLUSH] = "flush",   [CONTROL_DUMP] = "dump",	[CONTROL_ROTATE] = "rotate",
	[CONTROL_STATUS] = "status", [CONTROL_QUIT] = "quit",
};

/* Whoever owns it may write to it: only root, whom we run as, and who called sudo have a say. */
static bool is_ours(const struct stat *st)
{
	uid_t uid;
	gid_t gid;

	return !st->st_uid || st->st_uid == geteuid() ||
	       (user_of_sudo(&uid, &gid) && st->st_uid == uid);
}

/* Both ways, so that neither an absent reader nor an absent writer is waited for, and none that goes is an end. */
static int open_fifo(const char *path, bool commands, int *ret_fd, char **ret_error)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		*ret_error = xasprintf("--control %s: %s%s", path, strerror(errno),
				       errno == ENOENT ? "; make it with mkfifo" : "");
	else if (fstat(fd, &st) || !S_ISFIFO(st.st_mode))
		*ret_error = xasprintf("--control %s: not a FIFO; make one with mkfifo", path);
	else if (!is_ours(&st))
		*ret_error = xasprintf("--control %s: it belongs to user %u, who could stop this "
				       "recording; make one of your own with mkfifo",
				       path, st.st_uid);
	else if (commands && st.st_mode & S_IWOTH)
		*ret_error = xasprintf("--control %s: everybody may write to it, and could stop "
				       "this recording; chmod o-w it",
				       path);
	else
		*ret_fd = TAKE_FD(fd);
	return *ret_error ? -EINVAL : 0;
}

int control_fifo_open(const char *paths, struct control_fifo **ret_fifo, char **ret_error)
{
	_cleanup_free_ char *first = xstrndup(paths, strcspn(paths, ","));
	struct control_fifo *fifo = xcalloc(1, sizeof(*fifo));
	const char *second = strchr(paths, ',');
	int err;

	fifo->fd = fifo->answer_fd = -1;
	err = open_fifo(first, true, &fifo->fd, ret_error);
	if (!err && second)
		err = open_fifo(second + 1, false, &fifo->answer_fd, ret_error);
	if (err) {
		control_fifo_close(fifo);
		return err;
	}
	*ret_fifo = fifo;
	return 0;
}

void control_fifo_close(struct control_fifo *fifo)
{
	if (!fifo)
		return;
	closep(&fifo->fd);
	closep(&fifo->answer_fd);
	free(fifo);
}

int control_fifo_fd(const struct control_fifo *fifo)
{
	return fifo->fd;
}

bool control_fifo_answers(const struct control_fifo *fifo)
{
	return fifo->answer_fd >= 0;
}

void control_fifo_answer(struct control_fifo *fifo, const char *line)
{
	_cleanup_free_ char *bytes = xasprintf("%s\n", line);

	/* Nobody reads: what does not fit any more is dropped. */
	if (fifo->answer_fd >= 0 && write(fifo->answer_fd, bytes, strlen(bytes)) < 0)
		log_verbose("an answer to --control was dropped: %s", strerror(errno));
}

static enum control_command find(struct control_fifo *fifo, const char *line)
{
	_cleanup_free_ char *answer = NULL;
	const char *nearest;

	for (size_t i = 1; i < ARRAY_SIZE(names); i++)
		if (!strcmp(line, names[i]))
			return i;
	if (!*line)
		return CONTROL_NONE;
	nearest = suggest(line, names + 1, ARRAY_SIZE(names) - 1);
	answer = nearest ? xasprintf("error: no command '%.60s'; did you mean '%s'?", line, nearest)
			 : xasprintf("error: no command '%.60s'; start, stop, flush, dump, rotate, "
				     "status and quit are",
				     line);
	control_fifo_answer(fifo, answer);
	return CONTROL_NONE;
}

/* Takes a line off the buffer; NULL if none is complete. */
static char *take_line(struct control_fifo *fifo)
{
	char *end = memchr(fifo->bytes, '\n', fifo->len), *line;
	size_t used;

	if (!end) {
		if (fifo->len < sizeof(fifo->bytes))
			return NULL;
		fifo->too_long = true;
		fifo->len = 0;
		return NULL;
	}
	used = (size_t)(end - fifo->bytes) + 1;
	/* Also from those who end lines as DOS does. */
	while (end > fifo->bytes && (end[-1] == '\r' || end[-1] == ' '))
		end--;
	line = fifo->too_long ? xstrdup("(a line of more than 256 bytes)")
			      : xstrndup(fifo->bytes, (size_t)(end - fifo->bytes));
	fifo->too_long = false;
	fifo->len -= used;
	memmove(fifo->bytes, fifo->bytes + used, fifo->len);
	return line;
}

void control_fifo_read(struct control_fifo *fifo)
{
	ssize_t n = read(fifo->fd, fifo->bytes + fifo->len, sizeof(fifo->bytes) - fifo->len);

	if (n > 0)
		fifo->len += (size_t)n;
}

enum control_command control_fifo_next(struct control_fifo *fifo)
{
	char *line;

	while ((line = take_line(fifo))) {
		enum control_command command = find(fifo, line);

		free(line);
		if (command)
			return command;
	}
	return CONTROL_NONE;
}
