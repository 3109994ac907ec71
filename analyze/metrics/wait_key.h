/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What waits are counted by, and words for objects and wakers. */
#pragma once

#include "analyze/call_names.h"
#include "analyze/metrics/instance.h"
#include "analyze/metrics/text_map.h"
#include "analyze/model/object.h"

/* A wait that the selection shows: of its threads, and in its calls if some were chosen. */
static inline bool is_shown_wait(const struct fold *fold, const struct span *span, bool shown)
{
	const struct selection *selection = &fold->walk->selection;

	if (!shown || !span_waits(span->state))
		return false;
	return !selection->calls ||
	       (span->nr != SPAN_NO_CALL && selection_call(selection, span->abi, span->nr));
}

/* Name of the call that it lies in; NULL: none, or not known. */
static inline struct value value_call(const struct fold *fold, u8 abi, u32 nr)
{
	if (nr == SPAN_NO_CALL)
		return value_null();
	return value_text(
		call_names_get(fold->walk->calls, call_names_id(fold->walk->calls, abi, nr))->name);
}

static inline struct value value_object_name(const struct object *object)
{
	return object && object->name ? value_string(object->name) : value_null();
}

static inline struct value value_object_type(const struct object *object)
{
	return object ? value_text(object_type_name(object->type)) : value_null();
}

/* "task", "softirq", …; NULL: unknown */
static inline struct value value_context(u8 context)
{
	static const char *const names[] = { "task", "softirq", "irq", "nmi" };

	return context < ARRAY_SIZE(names) ? value_text(names[context]) : value_null();
}

/*
 * Most paths are waited for once. So that they do not make other keys stand in several rows, those that come when a
 * thread or process has so many keys are counted together.
 */
#define WAIT_PATHS_FROM 256

static inline bool is_path(const struct object *object)
{
	return object && object->id > OBJECT_IDS_PATH;
}

/* The name that waits are summed up by: children of one name are one, whatever their pids. */
static inline void object_add_name(const struct object *object, struct text *text)
{
	size_t len = object->name ? object->name->len : 0;

	if (object->type == OBJECT_child)
		while (len && object->name->data[len - 1] != '[')
			len--;
	if (object->type == OBJECT_child && len)
		len--;
	if (len)
		text_add(text, object->name->data, len);
}
