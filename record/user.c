/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/options.h"
#include "common/suggest.h"

static void fill(const struct passwd *entry, struct user *ret_user)
{
	*ret_user = (struct user){ .given = true,
				   .uid = entry->pw_uid,
				   .gid = entry->pw_gid,
				   .name = xstrdup(entry->pw_name),
				   .home = xstrdup(entry->pw_dir),
				   .shell = xstrdup(entry->pw_shell) };
}

char *user_unknown(const char *name)
{
	_cleanup_free_ const char **names = NULL;
	size_t count = 0, capacity = 0;
	struct passwd *entry;
	const char *nearest;
	char *said;

	setpwent();
	while ((entry = getpwent())) {
		ARRAY_RESERVE(names, capacity, count + 1);
		names[count++] = xstrdup(entry->pw_name);
	}
	endpwent();
	nearest = suggest(name, names, count);
	said = nearest ? xasprintf("there is no user '%s'; did you mean %s?", name, nearest)
		       : xasprintf("there is no user '%s'; getent passwd lists those there are",
				   name);
	for (size_t i = 0; i < count; i++)
		free((char *)names[i]);
	return said;
}

bool user_of_sudo(uid_t *ret_uid, gid_t *ret_gid)
{
	const char *uid_text = getenv("SUDO_UID"), *gid_text = getenv("SUDO_GID");
	u64 uid, gid;

	if (geteuid() || !uid_text || !gid_text || parse_u64(uid_text, &uid) ||
	    parse_u64(gid_text, &gid) || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return false;
	*ret_uid = uid;
	*ret_gid = gid;
	return true;
}

/* The database may have more of who called sudo. */
static void resolve_caller(struct user *ret_user)
{
	const struct passwd *entry;
	uid_t uid;
	gid_t gid;

	if (!user_of_sudo(&uid, &gid))
		return;
	entry = getpwuid(uid);
	if (entry)
		fill(entry, ret_user);
	ret_user->given = true;
	ret_user->uid = uid;
	ret_user->gid = gid;
}

int user_resolve(const char *name, struct user *ret_user, char **ret_error)
{
	const struct passwd *entry;

	*ret_user = (struct user){ 0 };
	if (!name) {
		resolve_caller(ret_user);
		return 0;
	}
	entry = getpwnam(name);
	if (!entry) {
		u64 uid;

		if (!parse_u64(name, &uid) && uid < UINT32_MAX)
			entry = getpwuid(uid);
	}
	if (!entry) {
		*ret_error = user_unknown(name);
		return -EINVAL;
	}
	if (geteuid() && entry->pw_uid != geteuid()) {
		*ret_error = xasprintf("only root can run a command as %s", name);
		return -EPERM;
	}
	/* Who is that already keeps groups and environment as they are. */
	if (entry->pw_uid != geteuid())
		fill(entry, ret_user);
	return 0;
}

void user_release(struct user *user)
{
	free(user->name);
	free(user->home);
	free(user->shell);
}

int user_become(const struct user *user)
{
	if (!user->given)
		return 0;
	if (user->name ? initgroups(user->name, user->gid) : setgroups(0, NULL))
		return -errno;
	if (setgid(user->gid) || setuid(user->uid))
		return -errno;
	/* As after a login. What sudo said of its caller is true of nobody any more. */
	if (user->name) {
		setenv("HOME", user->home, 1);
		setenv("SHELL", user->shell, 1);
		setenv("USER", user->name, 1);
		setenv("LOGNAME", user->name, 1);
	}
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	unsetenv("SUDO_USER");
	unsetenv("SUDO_COMMAND");
	return 0;
}
