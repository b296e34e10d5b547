// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* block_ipv4: drops IPv4 packets to one address; accepts what it cannot read. */
#include "frame.h"

const volatile __u32 input = 0;

HOOK_SECTION
int block_ipv4(struct hook_context *packet)
{
	struct frame frame;
	__u32 l4;

	if (!frame_pull(packet))
		return DROP;
	if (!frame_open(packet, &frame) || frame.ethertype != ETH_P_IPV4 || !ipv4_parse(&frame, 0, &l4))
		return ACCEPT;
	if (ipv4_daddr(&frame) == input)
		return DROP;
	return ACCEPT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
