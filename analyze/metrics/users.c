/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/metrics/users.h"

void users_add(struct users *users, const struct process *process)
{
	u8 i = users->last;

	if (users->count && users->list[i].process_id == process->id)
		return;
	for (i = 0; i < users->count; i++)
		if (users->list[i].process_id == process->id) {
			users->last = i;
			return;
		}
	if (users->count == USERS_MAX) {
		users->more = true;
		return;
	}
	users->last = users->count++;
	users->list[users->last] =
		(struct user){ process->id, process->pid, string_ref(process->comm) };
}

void users_release(struct users *users)
{
	for (u8 i = 0; i < users->count; i++)
		string_unref(users->list[i].comm);
	*users = (struct users){};
}

void users_add_text(const struct users *users, struct text *text)
{
	for (u8 i = 0; i < users->count; i++) {
		const struct user *user = &users->list[i];

		if (i)
			text_adds(text, ", ");
		if (user->comm)
			text_add(text, user->comm->data, user->comm->len);
		text_addf(text, "[%u]", user->pid);
	}
	if (users->more)
		text_adds(text, ", …");
}
