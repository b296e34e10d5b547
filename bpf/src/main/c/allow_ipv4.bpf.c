// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_ipv4: passes IPv4 packets to one address and to 127.0.0.0/8. */
#include "stage.h"

const volatile __u32 input = 0;

HOOK_SECTION
int allow_ipv4(struct hook_context *packet)
{
	struct frame frame;
	__u32 address, l4;

	if (!frame_pull(packet) || !frame_open(packet, &frame))
		return DROP;
	if (frame.ethertype != ETH_P_IPV4)
		return stage_not_mine(packet);
	if (!ipv4_parse(&frame, 0, &l4) || !frame_has(&frame, l4) || frame.l3[0] >> 4 != 4)
		return DROP;
	address = ipv4_daddr(&frame);
	if (address >> 24 == 127 || address == input)
		return stage_pass(packet);
	return DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
