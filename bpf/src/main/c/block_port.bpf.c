// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* block_port: drops TCP and UDP to one destination port; accepts what it cannot read. */
#include "frame.h"

const volatile __u16 input = 0;

HOOK_SECTION
int block_port(struct hook_context *packet)
{
	struct frame frame;
	__u16 source, dest;
	__u32 l4;

	if (!frame_pull(packet))
		return DROP;
	if (!frame_open(packet, &frame) || frame.ethertype != ETH_P_IPV4 || !ipv4_parse(&frame, 0, &l4))
		return ACCEPT;
	if (ipv4_subsequent_fragment(&frame) || !ipv4_has_ports(&frame))
		return ACCEPT;
	if (!l4_ports(&frame, l4, &source, &dest))
		return ACCEPT;
	if (dest == input)
		return DROP;
	return ACCEPT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
