/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/object.h"

#include "analyze/model/polls.h"
#include "analyze/model/sockets.h"

#include <stdlib.h>

const char *object_type_name(u8 type)
{
#define OBJECT_TEXT(name, text) [OBJECT_##name] = text,
	static const char *const names[] = { OBJECT_TYPES(OBJECT_TEXT) };

	return type < ARRAY_SIZE(names) ? names[type] : names[OBJECT_unknown];
}

struct object *object_ref(struct object *object)
{
	if (object)
		object->references++;
	return object;
}

void object_unref(struct object *object)
{
	if (!object || --object->references)
		return;
	string_unref(object->name);
	epoll_free(object->epoll);
	socket_free(object->socket);
	free(object);
}
