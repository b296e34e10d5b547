// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_ethertype: passes frames whose outer EtherType is in a set of up to eight; drops what has no Ethernet header. */
#include "stage.h"

#define MAX_ALLOWED 8

const volatile __u16 allowed[MAX_ALLOWED] = {};
const volatile __u8 num_allowed = 0;

HOOK_SECTION
int allow_ethertype(struct hook_context *packet)
{
	struct frame frame;

	if (!frame_pull(packet) || !frame_open(packet, &frame) || frame.offset != ETH_LEN)
		return DROP;
#pragma unroll
	for (int i = 0; i < MAX_ALLOWED; i++) {
		if (i < num_allowed && frame.ethertype == allowed[i])
			return stage_pass(packet);
	}
	return DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
