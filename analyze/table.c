/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/table.h"

const char *column_type_name(u8 type)
{
	static const char *const names[] = { "INTEGER", "REAL", "TEXT" };

	return type < ARRAY_SIZE(names) ? names[type] : "";
}

const char *column_unit_name(u8 unit)
{
	static const char *const names[] = {
		[UNIT_NONE] = "",
		[UNIT_ID] = "id",
		[UNIT_NUMBER] = "number",
		[UNIT_COUNT] = "count",
		[UNIT_NS] = "ns",
		[UNIT_TS] = "ns on the trace clock",
		[UNIT_WALL] = "ns since 1970",
		[UNIT_BYTES] = "bytes",
		[UNIT_BOOL] = "bool",
		[UNIT_ADDRESS] = "address",
		[UNIT_ERRNO] = "errno",
	};

	return unit < ARRAY_SIZE(names) ? names[unit] : "";
}

int table_column(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (!strcmp(table->columns[i].name, name))
			return (int)i;
	return -1;
}
