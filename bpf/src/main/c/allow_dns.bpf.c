// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_dns: passes TCP and UDP to port 53 only if they go to one resolver; leaves other traffic alone. */
#include "stage.h"

#define DNS_PORT 53

const volatile __u32 input = 0;

HOOK_SECTION
int allow_dns(struct hook_context *packet)
{
	struct frame frame;
	__u16 source, dest;
	__u32 l4;

	if (!frame_pull(packet) || !frame_open(packet, &frame))
		return DROP;
	if (frame.ethertype != ETH_P_IPV4)
		return stage_not_mine(packet);
	if (!ipv4_parse(&frame, 0, &l4) || !frame_has(&frame, l4))
		return DROP;
	if (ipv4_subsequent_fragment(&frame))
		return DROP;
	if (!ipv4_has_ports(&frame))
		return stage_pass(packet);
	if (!l4_ports(&frame, l4, &source, &dest))
		return DROP;
	if (dest != DNS_PORT)
		return stage_pass(packet);
	if (ipv4_daddr(&frame) == input)
		return stage_pass(packet);
	return DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
