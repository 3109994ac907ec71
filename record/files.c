/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(DIR *, closedir)

#define NUMBER_DIGITS_MIN 4
#define NUMBER_MAX	  9999999999ull

/* Length of the path up to what stands behind the number: ".trc". */
static size_t stem_len(const char *path)
{
	const char *base = strrchr(path, '/'), *dot;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	return dot && dot != base ? (size_t)(dot - path) : strlen(path);
}

static char *numbered(const char *path, u64 number)
{
	size_t len = stem_len(path);

	return xasprintf("%.*s-%0*llu%s", (int)len, path, NUMBER_DIGITS_MIN,
			 (unsigned long long)number, path + len);
}

/* The number of a file of the series, by its name without directory; 0 if it is none. */
static u64 number_of(const struct files *files, const char *name)
{
	const char *slash = strrchr(files->path, '/');
	const char *base = slash ? slash + 1 : files->path;
	size_t len = stem_len(files->path) - (size_t)(base - files->path), digits;
	u64 number;

	if (strncmp(name, base, len) || name[len] != '-')
		return 0;
	name += len + 1;
	digits = strspn(name, "0123456789");
	if (digits < NUMBER_DIGITS_MIN || digits > 10 || strcmp(name + digits, base + len))
		return 0;
	number = strtoull(name, NULL, 10);
	return number;
}

/* Calls `each` with the name of every file of the series that stands there; stops when it returns false. */
static void for_existing(const struct files *files,
			 bool (*each)(void *data, char *path, u64 number), void *data)
{
	const char *slash = strrchr(files->path, '/');
	int directory_len = slash ? (int)(slash + 1 - files->path) : 0;
	int fd = openat(files->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool go_on = true;

	while (dir && go_on && (entry = readdir(dir))) {
		u64 number = number_of(files, entry->d_name);

		if (number)
			go_on = each(data,
				     xasprintf("%.*s%s", directory_len, files->path, entry->d_name),
				     number);
	}
}

static int stat_in(const struct files *files, const char *name, struct stat *ret_st)
{
	return fstatat(files->directory, name, ret_st, AT_SYMLINK_NOFOLLOW);
}

static bool note_existing(void *data, char *path, u64 number)
{
	*(char **)data = path;
	return false;
}

static bool remove_old(void *data, char *path, u64 number)
{
	const struct files *files = data;
	const char *name = output_name(path);
	struct stat st;

	if (number > files->number && !stat_in(files, name, &st) && S_ISREG(st.st_mode))
		unlinkat(files->directory, name, 0);
	free(path);
	return true;
}

int files_open(struct files *files, char **ret_existing)
{
	char *existing = NULL;
	int err;

	files->output.fd = -1;
	if (strcmp(files->path, "-")) {
		files->directory = output_directory(files->path);
		if (files->directory < 0)
			return files->directory;
	}
	if (!files->series)
		return output_open(files->directory, files->path, files->force, &files->output);
	for_existing(files, note_existing, &existing);
	if (existing && !files->force) {
		*ret_existing = existing;
		return -EEXIST;
	}
	free(existing);
	files->number = 1;
	files->name = numbered(files->path, 1);
	err = output_open(files->directory, files->name, files->force, &files->output);
	if (err == -EEXIST || err == -ELOOP)
		*ret_existing = xstrdup(files->name);
	return err;
}

int files_next(struct files *files)
{
	int err = -EEXIST;

	/* A name that somebody else has taken meanwhile is left to them. */
	while (err == -EEXIST || err == -ELOOP) {
		if (files->number == NUMBER_MAX)
			return -EOVERFLOW;
		free(files->name);
		files->name = numbered(files->path, ++files->number);
		err = output_open(files->directory, files->name, false, &files->output);
	}
	return err;
}

int files_commit(struct files *files)
{
	int err = output_commit(&files->output);

	if (files->series && files->force && !err)
		for_existing(files, remove_old, files);
	return err;
}

/* Only what is still ours. */
static void remove_kept(const struct files *files, const struct file_id *id)
{
	_cleanup_free_ char *path = numbered(files->path, id->number);
	const char *name = output_name(path);
	struct stat st;

	if (!stat_in(files, name, &st) && st.st_dev == id->dev && st.st_ino == id->ino)
		unlinkat(files->directory, name, 0);
}

void files_begun(struct files *files)
{
	struct stat st;

	if (!files->series || files->keep == UINT64_MAX || fstat(files->output.fd, &st))
		return;
	if (!files->kept)
		files->kept = xcalloc(files->keep, sizeof(*files->kept));
	if (files->kept_count == files->keep) {
		remove_kept(files, &files->kept[0]);
		files->kept_count--;
		memmove(files->kept, files->kept + 1, files->kept_count * sizeof(*files->kept));
	}
	files->kept[files->kept_count++] = (struct file_id){ files->number, st.st_dev, st.st_ino };
}

u64 files_done(struct files *files, u64 written)
{
	u64 bytes = written;
	struct stat st;

	if (files->output.path && !fstat(files->output.fd, &st))
		bytes = st.st_size;
	output_close(&files->output);
	free(files->done_name);
	files->done_name = xstrdup(files_name(files));
	files->done_count++;
	files->done_bytes += bytes;
	return bytes;
}

void files_discard(struct files *files)
{
	output_discard(&files->output);
}

void files_release(struct files *files)
{
	output_close(&files->output);
	closep(&files->directory);
	free(files->name);
	free(files->done_name);
	free(files->kept);
}

int files_fd(const struct files *files)
{
	return files->output.fd;
}

const char *files_name(const struct files *files)
{
	if (files->name)
		return files->name;
	return strcmp(files->path, "-") ? files->path : "standard output";
}

const char *files_done_name(const struct files *files)
{
	return files->done_name ? files->done_name : files_name(files);
}
