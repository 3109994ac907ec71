/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/call_place.h"

#include "analyze/model/dirs.h"
#include "analyze/model/sockets.h"
#include "analyze/model/uses.h"

void socket_place(const struct object *object, struct text *text)
{
	const struct socket *socket = object->socket;
	const struct string *service;

	if (!socket) {
		text_adds(text, "socket");
		return;
	}
	service = socket->accepted || !socket->remote ? socket->local : socket->remote;
	text_adds(text, socket_protocol_name(socket));
	if (service) {
		text_addc(text, ' ');
		text_add(text, service->data, service->len);
	}
}

static enum call_place place_of_file(const struct open_file *file, struct text *text)
{
	const struct string *name = open_file_name(file);

	if (name && name->len && *name->data == '/') {
		text_add(text, name->data, name->len);
		return PLACE_PATH;
	}
	if (file->object->type == OBJECT_unknown)
		return PLACE_NONE;
	if (file->object->type == OBJECT_socket)
		socket_place(file->object, text);
	else
		text_adds(text, object_type_name(file->object->type));
	return PLACE_OTHER;
}

enum call_place call_place(struct walk *walk, const struct walk_step *step,
			   const struct trc_syscall *record, struct text *text)
{
	const struct file_use *uses;
	const char *path;
	size_t len;

	text_clear(text);
	if (decode_path(walk->decoder, record, &path, &len) && len) {
		if (!walk->fds ||
		    !thread_add_path(step->thread, call_directory(walk->decoder, record), path, len,
				     text))
			text_add(text, path, len);
		return PLACE_PATH;
	}
	if (model_uses(walk->model, step->thread, &step->event, &uses) && uses[0].file)
		return place_of_file(uses[0].file, text);
	return PLACE_NONE;
}
