/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Classification of a packet for policies: its flow, or the clause that refuses it before any rule is asked.
 */
#ifndef PLUMBLINE_CLASSIFY_H
#define PLUMBLINE_CLASSIFY_H

#include "frame.h"

#define MAX_EXTENSIONS 8

#define ETH_P_IPV6 0x86DD
#define ETH_P_ARP 0x0806
#define ARP_LEN 8
#define IPV6_LEN 40
#define IPPROTO_ICMPV6 58
#define EXT_HOP_BY_HOP 0
#define EXT_ROUTING 43
#define EXT_FRAGMENT 44
#define EXT_AUTHENTICATION 51
#define EXT_DESTINATION 60
#define EXT_MIN_LEN 8
#define TCP_LEN 20
#define SHORT_L4_LEN 8

enum clause {
	TRUNCATED_ETHERNET,
	TRUNCATED_ARP,
	TRUNCATED_ARP_ADDRESSES,
	UNSUPPORTED_ETHERTYPE,
	TRUNCATED_IPV4,
	BAD_IPV4_VERSION,
	BAD_IHL,
	SHORT_TOTAL_LENGTH,
	TRUNCATED_OPTIONS,
	TRUNCATED_IPV6,
	BAD_IPV6_VERSION,
	TRUNCATED_EXTENSION,
	SOURCE_ROUTED,
	TOO_MANY_EXTENSIONS,
	UNSUPPORTED_PROTOCOL,
	SUBSEQUENT_FRAGMENT,
	SHORT_L4_LENGTH,
	TRUNCATED_L4,
	CLAUSES, /* from here on: the rules, and after them "no rule" */
};

struct endpoint {
	__u32 family;
	__u8 address[16];
	__u16 port;
	__u8 protocol;
	__u8 zero;
};

struct flow {
	struct endpoint to; /* family, destination, protocol, destination port or ICMP type */
	__u8 source[16];
	__u16 source_port;
};

/*
 * Linux joins TCP segments to packets of more than 64 KiB (BIG TCP). Their length field, which counts from `from` on,
 * holds 0, and the skb has the length instead (kernel include/linux/ip.h, iph_totlen; include/net/ipv6.h,
 * ipv6_payload_len).
 */
static __always_inline bool is_big_tcp(const struct frame *frame, __u32 length_field, __u8 protocol, __u32 from)
{
	return HOOK_BIG_TCP && length_field == 0 && protocol == IPPROTO_TCP && frame->length > from + 0xFFFF;
}

static __always_inline bool is_extension(__u8 protocol, int index)
{
	return (protocol == EXT_HOP_BY_HOP && index == 0) || protocol == EXT_ROUTING || protocol == EXT_FRAGMENT ||
	       protocol == EXT_AUTHENTICATION || protocol == EXT_DESTINATION;
}

/* Walks the extension headers; at the end *l4 is where the transport header begins. */
static __always_inline enum clause ipv6_walk(struct hook_context *packet, const struct frame *frame, __u8 *protocol,
					     __u32 *l4)
{
	__u8 ext[4];
	int i;

	for (i = 0; i < MAX_EXTENSIONS; i++) {
		__u32 length;

		if (!is_extension(*protocol, i))
			return CLAUSES;
		if (frame->length < *l4 + EXT_MIN_LEN || !frame_load(packet, frame, *l4, ext, sizeof(ext)))
			return TRUNCATED_EXTENSION;
		if (*protocol == EXT_FRAGMENT) {
			if (ext[2] != 0 || (ext[3] & 0xF8) != 0)
				return SUBSEQUENT_FRAGMENT;
			length = EXT_MIN_LEN;
		} else if (*protocol == EXT_AUTHENTICATION) {
			length = (ext[1] + 2) * 4;
		} else {
			/* Segments left: the destination is not the final one. */
			if (*protocol == EXT_ROUTING && ext[3] != 0)
				return SOURCE_ROUTED;
			length = (ext[1] + 1) * 8;
		}
		if (frame->length < *l4 + length)
			return TRUNCATED_EXTENSION;
		*protocol = ext[0];
		*l4 += length;
	}
	return is_extension(*protocol, MAX_EXTENSIONS) ? TOO_MANY_EXTENSIONS : CLAUSES;
}

/*
 * Returns the clause that refuses the packet, or CLAUSES with either *arp set or the flow filled in. Without `ipv6`,
 * IPv6 is an unsupported EtherType; so is ARP where there is no Ethernet header.
 */
static __always_inline enum clause classify(struct hook_context *packet, bool ipv6, struct flow *flow, bool *arp)
{
	__u32 l4, need, end; /* end: where the packet ends by its own length field */
	enum clause refused;
	struct frame frame;
	__u8 ports[4];

	if (!frame_pull(packet) || !frame_open(packet, &frame))
		return TRUNCATED_ETHERNET;
	*arp = frame.ethertype == ETH_P_ARP && frame.offset == ETH_LEN;
	if (*arp) {
		if (!frame_has(&frame, ARP_LEN))
			return TRUNCATED_ARP;
		if (frame.length < ARP_LEN + 2 * (frame.l3[4] + frame.l3[5]))
			return TRUNCATED_ARP_ADDRESSES;
		return CLAUSES;
	}
	if (frame.ethertype == ETH_P_IPV4) {
		__u32 total;

		if (!frame_has(&frame, IPV4_MIN_LEN))
			return TRUNCATED_IPV4;
		if (frame.l3[0] >> 4 != 4)
			return BAD_IPV4_VERSION;
		l4 = ipv4_header_len(&frame, 0);
		if (l4 < IPV4_MIN_LEN)
			return BAD_IHL;
		total = frame_u16(&frame, 2);
		if (is_big_tcp(&frame, total, ipv4_protocol(&frame), 0))
			total = frame.length;
		if (total < l4)
			return SHORT_TOTAL_LENGTH;
		if (frame.length < l4)
			return TRUNCATED_OPTIONS;
		flow->to.family = 4;
		flow->to.protocol = ipv4_protocol(&frame);
		__builtin_memcpy(flow->to.address, frame.l3 + 16, 4);
		__builtin_memcpy(flow->source, frame.l3 + 12, 4);
		if (!ipv4_has_ports(&frame) && flow->to.protocol != IPPROTO_ICMP)
			return UNSUPPORTED_PROTOCOL;
		if (ipv4_subsequent_fragment(&frame))
			return SUBSEQUENT_FRAGMENT;
		end = total;
	} else if (ipv6 && frame.ethertype == ETH_P_IPV6) {
		if (!frame_has(&frame, IPV6_LEN))
			return TRUNCATED_IPV6;
		if (frame.l3[0] >> 4 != 6)
			return BAD_IPV6_VERSION;
		end = IPV6_LEN + frame_u16(&frame, 4);
		flow->to.family = 6;
		flow->to.protocol = frame.l3[6];
		__builtin_memcpy(flow->to.address, frame.l3 + 24, 16);
		__builtin_memcpy(flow->source, frame.l3 + 8, 16);
		l4 = IPV6_LEN;
		refused = ipv6_walk(packet, &frame, &flow->to.protocol, &l4);
		if (refused != CLAUSES)
			return refused;
		if (flow->to.protocol != IPPROTO_TCP && flow->to.protocol != IPPROTO_UDP && flow->to.protocol != IPPROTO_ICMPV6)
			return UNSUPPORTED_PROTOCOL;
		if (is_big_tcp(&frame, end - IPV6_LEN, flow->to.protocol, IPV6_LEN))
			end = frame.length;
	} else {
		return UNSUPPORTED_ETHERTYPE;
	}
	need = flow->to.protocol == IPPROTO_TCP ? TCP_LEN : SHORT_L4_LEN;
	if (end < l4 + need)
		return SHORT_L4_LENGTH;
	if (frame.length < l4 + need || !frame_load(packet, &frame, l4, ports, sizeof(ports)))
		return TRUNCATED_L4;
	flow->source_port = (__u16)ports[0] << 8 | ports[1];
	flow->to.port = (__u16)ports[2] << 8 | ports[3];
	if (flow->to.protocol != IPPROTO_TCP && flow->to.protocol != IPPROTO_UDP) {
		flow->source_port = 0;
		flow->to.port = ports[0];
	}
	return CLAUSES;
}

#endif
