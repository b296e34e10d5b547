// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* nop: accepts every packet. */
#include "hook.h"

HOOK_SECTION
int nop(struct hook_context *packet)
{
	return ACCEPT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
