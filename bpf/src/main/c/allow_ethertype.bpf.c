// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_ethertype: passes frames whose outer EtherType is in a set of up to eight. */
#include "stage.h"

#define MAX_ALLOWED 8

const volatile __u16 allowed[MAX_ALLOWED] = {};
const volatile __u8 num_allowed = 0;

SEC("tc")
int allow_ethertype(struct __sk_buff *skb)
{
	struct frame frame;

	if (!frame_pull(skb))
		return TC_ACT_SHOT;
	if (!frame_open(skb, &frame))
		return TC_ACT_SHOT;
#pragma unroll
	for (int i = 0; i < MAX_ALLOWED; i++) {
		if (i < num_allowed && frame.ethertype == allowed[i])
			return stage_pass(skb);
	}
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
