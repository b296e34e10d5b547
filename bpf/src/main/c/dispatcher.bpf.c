// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* dispatcher: starts a chain at slot 0; an empty chain accepts. */
#include "chain.h"

HOOK_SECTION
int dispatcher(struct hook_context *packet)
{
	bpf_tail_call(packet, &prog_array, 0);
	return ACCEPT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
