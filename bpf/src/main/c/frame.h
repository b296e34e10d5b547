/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Bounded access to the headers of a packet, for all filters. Offsets are counted from the layer-3 header; multi-byte
 * fields are returned in host order.
 */
#ifndef PLUMBLINE_FRAME_H
#define PLUMBLINE_FRAME_H

#include "hook.h"

#define ETH_P_IPV4 0x0800
#define ETH_P_VLAN 0x8100
#define ETH_P_QINQ 0x88A8

#define ETH_LEN 14
#define VLAN_LEN 4
#define IPV4_MIN_LEN 20

#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#define IPV4_FRAG_OFFSET_MASK 0x1FFF

/* The furthest byte that any program reads directly: two VLAN tags, the longest IPv4 header, both ports. */
#define MAX_HEADERS_LEN (ETH_LEN + 2 * VLAN_LEN + 60 + 4)

/* What packets begin with. */
#define LAYER_ETHERNET 2
#define LAYER_IP 3

#ifdef HOOK_LAYER_3
/* Set before loading, for the interface that the program is attached to. */
const volatile __u32 first_layer = LAYER_ETHERNET;
#else
#define first_layer LAYER_ETHERNET
#endif

/* The bytes of a packet that a program may read directly. */
struct frame {
	const __u8 *l3; /* the layer-3 header */
	const __u8 *end;
	__u32 offset;    /* of the layer-3 header within the packet: ETH_LEN or 0 */
	__u32 length;    /* of the packet from the layer-3 header on */
	bool tagged;     /* a VLAN tag stands in metadata, as offload leaves it */
	__u16 protocol;  /* the EtherType that stands before the layer-3 header, or would */
	__u16 ethertype; /* of the whole packet: the offloaded tag's protocol, if there is one */
};

/* Makes the headers readable. Returns false only when the kernel has no memory. */
static __always_inline bool frame_pull(struct hook_context *packet)
{
	return hook_pull(packet, MAX_HEADERS_LEN);
}

static __always_inline bool frame_has(const struct frame *frame, __u32 end)
{
	return frame->l3 + end <= frame->end;
}

static __always_inline __u16 frame_u16(const struct frame *frame, __u32 offset)
{
	return (__u16)frame->l3[offset] << 8 | frame->l3[offset + 1];
}

static __always_inline __u32 frame_u32(const struct frame *frame, __u32 offset)
{
	return (__u32)frame_u16(frame, offset) << 16 | frame_u16(frame, offset + 2);
}

/* Opens the packet; false if it ends before the Ethernet header does. */
static __always_inline bool frame_open(struct hook_context *packet, struct frame *frame)
{
	bool ethernet = first_layer != LAYER_IP;

	frame->offset = ethernet ? ETH_LEN : 0;
	frame->l3 = hook_data(packet) + frame->offset;
	frame->end = hook_data_end(packet);
	if (!frame_has(frame, 0))
		return false;
	frame->length = hook_length(packet) - frame->offset;
	frame->protocol = ethernet ? (__u16)frame->l3[-2] << 8 | frame->l3[-1] : hook_protocol(packet);
	frame->tagged = hook_tagged(packet);
	frame->ethertype = frame->tagged ? bpf_ntohs(hook_vlan_proto(packet)) : frame->protocol;
	return true;
}

/* Copies `size` bytes at `offset`, also from where they cannot be read directly. */
static __always_inline bool frame_load(struct hook_context *packet, const struct frame *frame, __u32 offset, void *to,
				       __u32 size)
{
	return hook_load(packet, frame->offset + offset, to, size);
}

static __always_inline __u32 ipv4_header_len(const struct frame *frame, __u32 l3)
{
	return (frame->l3[l3] & 0x0F) * 4;
}

/* Finds where the IPv4 header at `l3` ends; false if its fixed part is cut or its length is illegal. */
static __always_inline bool ipv4_parse(const struct frame *frame, __u32 l3, __u32 *l4)
{
	__u32 header_len;

	if (!frame_has(frame, l3 + IPV4_MIN_LEN))
		return false;
	header_len = ipv4_header_len(frame, l3);
	*l4 = l3 + header_len;
	return header_len >= IPV4_MIN_LEN;
}

static __always_inline bool ipv4_subsequent_fragment(const struct frame *frame)
{
	return (frame_u16(frame, 6) & IPV4_FRAG_OFFSET_MASK) != 0;
}

static __always_inline __u8 ipv4_protocol(const struct frame *frame)
{
	return frame->l3[9];
}

static __always_inline __u32 ipv4_daddr(const struct frame *frame)
{
	return frame_u32(frame, 16);
}

/* Whether the transport header has ports. */
static __always_inline bool ipv4_has_ports(const struct frame *frame)
{
	return ipv4_protocol(frame) == IPPROTO_TCP || ipv4_protocol(frame) == IPPROTO_UDP;
}

/* Reads both ports of the TCP or UDP header at l4; false if the packet ends before them. */
static __always_inline bool l4_ports(const struct frame *frame, __u32 l4, __u16 *source, __u16 *dest)
{
	const __u8 *ports = frame->l3 + l4;

	if (ports + 4 > frame->end)
		return false;
	*source = (__u16)ports[0] << 8 | ports[1];
	*dest = (__u16)ports[2] << 8 | ports[3];
	return true;
}

#endif
