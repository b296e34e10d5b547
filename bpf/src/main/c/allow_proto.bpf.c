// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* allow_proto: passes IPv4 packets, under at most two VLAN tags, whose protocol is in a set of up to eight. */
#include "stage.h"

#define MAX_ALLOWED 8

const volatile __u8 allowed[MAX_ALLOWED] = {};
const volatile __u8 num_allowed = 0;

static __always_inline bool is_tag(__u16 ethertype)
{
	return ethertype == ETH_P_VLAN || ethertype == ETH_P_QINQ;
}

HOOK_SECTION
int allow_proto(struct hook_context *packet)
{
	struct frame frame;
	__u16 ethertype;
	__u8 protocol;
	__u32 ip, l4;
	int tags;

	if (!frame_pull(packet) || !frame_open(packet, &frame))
		return DROP;

	/* An offloaded tag is the first one; what follows it begins in the packet. */
	tags = frame.tagged ? 1 : 0;
	ethertype = frame.protocol;
	ip = 0;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (tags < 2 && is_tag(ethertype)) {
			if (!frame_has(&frame, ip + VLAN_LEN))
				return DROP;
			ethertype = frame_u16(&frame, ip + 2);
			ip += VLAN_LEN;
			tags++;
		}
	}
	if (is_tag(ethertype))
		return DROP;
	if (ethertype != ETH_P_IPV4)
		return stage_not_mine(packet);
	if (!ipv4_parse(&frame, ip, &l4) || !frame_has(&frame, l4))
		return DROP;
	protocol = frame.l3[ip + 9];
#pragma unroll
	for (int i = 0; i < MAX_ALLOWED; i++) {
		if (i < num_allowed && protocol == allowed[i])
			return stage_pass(packet);
	}
	return DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
