/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/objects.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>

static size_t bucket_of(const struct objects *objects, u32 place_device, u64 inode)
{
	return hash_number(hash_number(0, inode), place_device) & (objects->capacity - 1);
}

static void grow(struct objects *objects)
{
	struct object **old = objects->buckets;
	size_t old_capacity = objects->capacity;

	objects->capacity = old_capacity ? old_capacity * 2 : 256;
	objects->buckets = xcalloc(objects->capacity, sizeof(struct object *));
	for (size_t i = 0; i < old_capacity; i++) {
		for (struct object *object = old[i], *next; object; object = next) {
			size_t at = bucket_of(objects, object->place_device, object->inode);

			next = object->next;
			object->next = objects->buckets[at];
			objects->buckets[at] = object;
		}
	}
	free(old);
}

struct object *objects_make(struct objects *objects, u8 type, u64 now)
{
	struct object *object = xcalloc(1, sizeof(*object));

	object->references = 1;
	object->type = type;
	object->id = objects->ids + ++objects->made;
	object->seen_ns = now;
	return object;
}

struct object *objects_make_at(struct objects *objects, u8 type, u32 place_device, u64 inode,
			       u64 now)
{
	struct object *object = objects_make(objects, type, now);
	struct object *other = objects_find(objects, place_device, inode);
	size_t at;

	if (other)
		objects_forget(objects, other);
	if (objects->count >= objects->capacity)
		grow(objects);
	object->inode = inode;
	object->place_device = place_device;
	object->placed = true;
	at = bucket_of(objects, place_device, inode);
	object->next = objects->buckets[at];
	objects->buckets[at] = object;
	objects->count++;
	return object;
}

struct object *objects_find(const struct objects *objects, u32 place_device, u64 inode)
{
	struct object *object;

	if (!objects->capacity)
		return NULL;
	object = objects->buckets[bucket_of(objects, place_device, inode)];
	while (object && (object->inode != inode || object->place_device != place_device))
		object = object->next;
	return object;
}

/* ---- files that nobody has open ---- */

static bool is_idle(const struct objects *objects, const struct object *object)
{
	return object->older || object->newer || objects->newest == object;
}

static void idle_remove(struct objects *objects, struct object *object)
{
	if (object->older)
		object->older->newer = object->newer;
	else
		objects->oldest = object->newer;
	if (object->newer)
		object->newer->older = object->older;
	else
		objects->newest = object->older;
	object->older = object->newer = NULL;
	objects->idle_count--;
	object_unref(object);
}

static void idle_add(struct objects *objects, struct object *object)
{
	object->older = objects->newest;
	if (objects->newest)
		objects->newest->newer = object;
	else
		objects->oldest = object;
	objects->newest = object_ref(object);
	if (++objects->idle_count > OBJECTS_IDLE_MAX)
		objects_forget(objects, objects->oldest);
}

void objects_forget(struct objects *objects, struct object *object)
{
	struct object **slot;

	if (!object->placed)
		return;
	slot = &objects->buckets[bucket_of(objects, object->place_device, object->inode)];
	while (*slot != object)
		slot = &(*slot)->next;
	*slot = object->next;
	object->next = NULL;
	object->placed = false;
	objects->count--;
	if (is_idle(objects, object))
		idle_remove(objects, object);
}

void objects_open(struct objects *objects, struct object *object)
{
	object->open_count++;
	object_ref(object);
	if (is_idle(objects, object))
		idle_remove(objects, object);
}

void objects_close(struct objects *objects, struct object *object)
{
	if (!--object->open_count && object->placed) {
		if (object->place_device == OBJECT_PLACE_SOCKET ||
		    object->place_device == OBJECT_PLACE_PIPE)
			objects_forget(objects, object);
		else
			idle_add(objects, object);
	}
	object_unref(object);
}

void objects_remember(struct objects *objects, struct object *object)
{
	objects_open(objects, object);
	objects_close(objects, object);
}

void objects_release(struct objects *objects)
{
	while (objects->oldest)
		objects_forget(objects, objects->oldest);
	free(objects->buckets);
	*objects = (struct objects){};
}
