/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CRC-32C (Castagnoli, reflected 0x82F63B78), for record heads and payloads that are not compressed. */
#pragma once

#include "common/types.h"

u32 crc32c(const void *data, size_t len);
