/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether something may be missing is the same as if each loss were looked at. */
#include "analyze/loss.h"
#include "tests/unit/make_trace.h"

#define LOSSES	64
#define QUERIES 20000

static bool touches(const struct loss_list *list, u16 kind, u64 from_ns, u64 to_ns)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct loss *loss = &list->losses[i];

		if ((!kind || !loss->kind || loss->kind == kind) && loss->first_ns <= to_ns &&
		    loss->last_ns >= from_ns)
			return true;
	}
	return false;
}

static u64 time_of(u64 *state)
{
	return make_random(state) % 8 ? make_random(state) % 400 : make_number(state);
}

int main(void)
{
	struct loss losses[LOSSES];
	unsigned long found = 0;
	u64 state = 1;

	for (size_t count = 0; count <= LOSSES; count++) {
		struct loss_list list = { .count = count, .losses = losses };

		for (size_t i = 0; i < count; i++) {
			losses[i] = (struct loss){ .kind = make_random(&state) % 4,
						   .first_ns = time_of(&state) };
			losses[i].last_ns = losses[i].first_ns + make_random(&state) % 20;
		}
		for (int i = 0; i < QUERIES / LOSSES; i++) {
			u16 kind = make_random(&state) % 5;
			u64 from_ns = time_of(&state), to_ns = from_ns + make_random(&state) % 20;

			found += touches(&list, kind, from_ns, to_ns);
			if (loss_list_touches(&list, kind, from_ns, to_ns) !=
			    touches(&list, kind, from_ns, to_ns))
				CHECK_FAIL("kind %u of %" PRIu64 " to %" PRIu64 " in %zu losses",
					   kind, from_ns, to_ns, count);
		}
		free(list.spans);
	}
	CHECK(found > QUERIES / 10 && found < QUERIES - QUERIES / 10);
	return check_report();
}
