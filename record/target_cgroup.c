/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/target_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <linux/magic.h>
#include <mntent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/suggest.h"
#include "common/text.h"

DEFINE_CLEANUP(DIR *, closedir)
DEFINE_CLEANUP(FTS *, fts_close)

#define CONTAINER_ID_MIN 32 /* hexadecimal digits of a whole one: 64, in old pods 32 */

static int mount_point(char **ret_path, char **ret_error)
{
	FILE *file = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;

	while (file && (entry = getmntent(file)))
		if (!strcmp(entry->mnt_type, "cgroup2")) {
			*ret_path = xstrdup(entry->mnt_dir);
			endmntent(file);
			return 0;
		}
	if (file)
		endmntent(file);
	*ret_error = xstrdup("cgroups are known by the unified hierarchy (cgroup2), which is not "
			     "mounted here");
	return -ESRCH;
}

static void add(struct targets *targets, u64 id, u8 reason)
{
	targets->cgroups = xreallocarray(targets->cgroups, targets->cgroup_count + 1,
					 sizeof(*targets->cgroups));
	targets->cgroups[targets->cgroup_count++] = (struct target_cgroup){ id, reason };
}

/* The path to the first part that is not there, and what that may have been meant to be. */
static char *no_such(const char *asked, const char *path)
{
	_cleanup_free_ char *parent = xstrdup(path);
	_cleanup_(closedirp) DIR *dir = NULL;
	_cleanup_free_ const char **names = NULL;
	size_t count = 0, capacity = 0;
	const char *wrong = "", *nearest;
	struct dirent *entry;
	struct stat st;
	char *said, *slash;

	while ((slash = strrchr(parent, '/')) && slash != parent) {
		*slash = 0;
		wrong = slash + 1;
		if (!stat(parent, &st))
			break;
	}
	dir = opendir(parent);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		ARRAY_RESERVE(names, capacity, count + 1);
		names[count++] = xstrdup(entry->d_name);
	}
	nearest = suggest(wrong, names, count);
	said = nearest ? xasprintf("--cgroup %s: there is no such cgroup; did you mean %s/%s?",
				   asked, parent, nearest)
		       : xasprintf("--cgroup %s: there is no such cgroup; %s has none called '%s'",
				   asked, parent, wrong);
	for (size_t i = 0; i < count; i++)
		free((char *)names[i]);
	return said;
}

int target_add_cgroup(struct targets *targets, const char *asked, char **ret_error)
{
	_cleanup_free_ char *mount = NULL, *path = NULL;
	struct statfs fs;
	struct stat st;
	size_t len;
	int err = mount_point(&mount, ret_error);

	if (err)
		return err;
	len = strlen(mount);
	if (!strncmp(asked, mount, len) && (asked[len] == '/' || !asked[len]))
		path = xstrdup(asked);
	else
		path = xasprintf("%s%s%s", mount, asked[0] == '/' ? "" : "/", asked);
	len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = 0;
	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		add(targets, st.st_ino, REASON_CGROUP);
		return 0;
	}
	if (!statfs(asked, &fs) && fs.f_type == CGROUP_SUPER_MAGIC)
		*ret_error = xasprintf("--cgroup %s: that is a hierarchy of version 1; only those "
				       "below %s, of version 2, are known",
				       asked, mount);
	else
		*ret_error = no_such(asked, path);
	return -EINVAL;
}

/* The container id in the name of a cgroup's directory, or NULL. */
static const char *container_id(const char *name, size_t *ret_len)
{
	static const char *const before[] = { "docker-", "libpod-", "cri-containerd-",
					      "containerd-", "crio-" };
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (!strncmp(name, before[i], strlen(before[i]))) {
			name += strlen(before[i]);
			break;
		}
	len = strspn(name, "0123456789abcdef");
	if (len < CONTAINER_ID_MIN || (name[len] && strcmp(name + len, ".scope")))
		return NULL;
	*ret_len = len;
	return name;
}

struct found {
	char *path;
	char *id;
	u64 inode;
};

static size_t find_containers(const char *mount, const char *id, struct found **ret_found)
{
	char *const paths[] = { (char *)mount, NULL };
	_cleanup_(fts_closep) FTS *fts =
		fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	size_t count = 0, capacity = 0;
	FTSENT *entry;

	while (fts && (entry = fts_read(fts))) {
		const char *whole;
		size_t len;

		if (entry->fts_info != FTS_D)
			continue;
		whole = container_id(entry->fts_name, &len);
		if (!whole || strncmp(whole, id, strlen(id)))
			continue;
		ARRAY_RESERVE(*ret_found, capacity, count + 1);
		(*ret_found)[count++] =
			(struct found){ xstrdup(entry->fts_path), xstrndup(whole, len),
					entry->fts_statp->st_ino };
		/* What is below is the container's own. */
		fts_set(fts, entry, FTS_SKIP);
	}
	return count;
}

int target_add_container(struct targets *targets, const char *asked, char **ret_error)
{
	_cleanup_free_ char *mount = NULL;
	struct found *found = NULL;
	const char *id = strstr(asked, "://"); /* as kubectl has it */
	size_t count;
	int err = mount_point(&mount, ret_error);

	if (err)
		return err;
	id = id ? id + 3 : asked;
	if (!*id || id[strspn(id, "0123456789abcdef")]) {
		*ret_error =
			xasprintf("--container %s: not the id of a container, nor its beginning; "
				  "names are known to its manager only: docker inspect -f "
				  "'{{.Id}}' %s",
				  asked, asked);
		return -EINVAL;
	}
	count = find_containers(mount, id, &found);
	for (size_t i = 1; i < count && !err; i++)
		if (strcmp(found[i].id, found[0].id)) {
			*ret_error = xasprintf("--container %s: it may be %s or %s; give more of "
					       "the id",
					       asked, found[0].id, found[i].id);
			err = -EINVAL;
		}
	if (!count) {
		*ret_error = xasprintf("--container %s: no cgroup below %s is that of such a "
				       "container; is it running?",
				       asked, mount);
		err = -ESRCH;
	}
	for (size_t i = 0; i < count; i++) {
		if (!err)
			add(targets, found[i].inode, REASON_CONTAINER);
		free(found[i].path);
		free(found[i].id);
	}
	free(found);
	return err;
}
