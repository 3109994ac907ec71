/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/call_object.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>

/* PIDFD_GET_CGROUP_NAMESPACE and its siblings, since 6.11; older headers lack them. */
#define PIDFD_GET_FIRST 0xff01
#define PIDFD_GET_LAST	0xff0a

/* Commands that return a descriptor, by the name of the argument's value set. */
static const struct {
	const char *set;
	struct {
		u32 first, last;
	} commands[OBJECT_COMMANDS];
} fd_commands[] = {
	{ "fcntl_cmd", { { F_DUPFD, F_DUPFD }, { F_DUPFD_CLOEXEC, F_DUPFD_CLOEXEC } } },
	{ "ioctl_request",
	  { { TIOCGPTPEER, TIOCGPTPEER },
	    { NS_GET_USERNS, NS_GET_PARENT },
	    { PIDFD_GET_FIRST, PIDFD_GET_LAST } } },
};

static bool is_set(const struct syscall_arg *arg, const char *set)
{
	return arg->set && !strcmp(arg->set, set);
}

static bool has_commands(const struct syscall_arg *arg, struct call_object *object)
{
	for (size_t i = 0; arg->type == ARG_ENUM && i < ARRAY_SIZE(fd_commands); i++) {
		if (!is_set(arg, fd_commands[i].set))
			continue;
		/* An empty range is one that no command is in. */
		for (size_t j = 0; j < OBJECT_COMMANDS; j++) {
			object->commands[j].first = fd_commands[i].commands[j].first;
			object->commands[j].last = fd_commands[i].commands[j].last;
			if (j && !object->commands[j].first)
				object->commands[j].first = UINT32_MAX;
		}
		return true;
	}
	return false;
}

/* The role that one argument gives a call; its own number becomes the role's argument. */
static u8 role_of_arg(const struct syscall_desc *desc, const struct syscall_arg *arg,
		      struct call_object *object)
{
	bool network = desc->classes & SYSCALL_NETWORK;

	switch (arg->type) {
	case ARG_FDS_OUT:
		return network ? OBJECT_SOCKET_PAIR : OBJECT_FD_PAIR;
	case ARG_MSGHDR_OUT:
		return OBJECT_MESSAGE;
	case ARG_MMSGHDR_OUT:
		return OBJECT_MESSAGES;
	case ARG_SOCKADDR_IN:
		/* Those that do not change the socket give the address of one message. */
		if (!(desc->properties & SYSCALL_STATE))
			return OBJECT_NONE;
		return desc->properties & SYSCALL_BLOCKS ? OBJECT_CONNECT : OBJECT_BIND;
	case ARG_STRUCT_IN:
		return is_set(arg, "clone_args") ? OBJECT_CLONE_ARGS : OBJECT_NONE;
	case ARG_FLAGS:
		return is_set(arg, "clone_flags") && desc->properties & SYSCALL_RETURNS_PID
			       ? OBJECT_CLONE
			       : OBJECT_NONE;
	}
	return has_commands(arg, object) ? OBJECT_FD_COMMAND : OBJECT_NONE;
}

void call_object_fill(const struct syscall_desc *desc, struct call_object *object)
{
	int first_fd = -1, last_fd = -1;
	bool has_path = false;

	for (u8 i = 0; i < desc->arg_count; i++) {
		const struct syscall_arg *arg = &desc->args[i];
		u8 role = role_of_arg(desc, arg, object);

		if (role && !object->role) {
			object->role = role;
			object->arg = i;
		}
		if (role == OBJECT_BIND || role == OBJECT_CONNECT) {
			object->arg = first_fd;
			object->aux = i;
			object->len = arg->aux;
		}
		if (object->role == OBJECT_CLONE && arg->type == ARG_INT_OUT)
			object->aux = i;
		has_path |= arg->type == ARG_PATH;
		if (arg->type != ARG_FD)
			continue;
		if (first_fd < 0)
			first_fd = i;
		last_fd = i;
	}
	if (desc->properties & SYSCALL_CHANGES_DIR) {
		object->role = OBJECT_DIR;
	} else if (desc->properties & SYSCALL_RETURNS_FD) {
		bool network = desc->classes & SYSCALL_NETWORK;

		object->role = !network ? OBJECT_FD : first_fd < 0 ? OBJECT_SOCKET : OBJECT_ACCEPT;
		object->arg = first_fd < 0 ? 0 : first_fd;
	} else if (desc->properties & SYSCALL_RETURNS_ADDRESS && last_fd >= 0) {
		object->role = OBJECT_MAP;
		if (!strcmp(desc->args[desc->arg_count - 1].name, "pgoff"))
			object->flags |= OBJECT_IN_PAGES;
	}
	if (!has_path)
		object->flags |= OBJECT_MAY_BE_SOCKET;
	if (desc->properties & SYSCALL_CLOSES_FD) {
		object->closes = last_fd + 1;
		object->keeps = first_fd < last_fd ? first_fd + 1 : 0;
	}
}

static bool wants_object(const struct call_object *object, u64 groups)
{
	bool file = groups & GROUP_BIT(GROUP_file), sock = groups & GROUP_BIT(GROUP_sock);

	switch (object->role) {
	case OBJECT_NONE:
		return false;
	case OBJECT_BIND:
	case OBJECT_CONNECT:
		return sock;
	case OBJECT_FD:
	case OBJECT_FD_COMMAND:
		return file || (sock && object->flags & OBJECT_MAY_BE_SOCKET);
	case OBJECT_FD_PAIR:
	case OBJECT_CLONE:
	case OBJECT_CLONE_ARGS:
	case OBJECT_DIR:
	case OBJECT_MAP:
		return file;
	}
	return file || sock;
}

u8 call_object_interest(const struct call_object *object, u64 groups)
{
	u8 interest = INTEREST_NONE;

	if (wants_object(object, groups))
		interest |= INTEREST_OBJECT;
	if (object->closes && groups & GROUP_BIT(GROUP_sock))
		interest |= INTEREST_CLOSE;
	return interest;
}
