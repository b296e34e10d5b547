#!/bin/sh
# Sends one large frame, whose headers lie in page fragments, past a program at tc egress and prints "passed" or "dropped".
# usage: nonlinear.sh OBJECT DESTINATION_HEX     (the program's input is its default, address 0.0.0.0)
# send() on a packet socket fails with ENOBUFS exactly when the egress filter drops the frame.
set -eu
ns=plumb-live-$$
trap 'ip netns del "$ns" 2>/dev/null || true' EXIT INT TERM
ip netns add "$ns"
ip -n "$ns" link add v0 mtu 9000 type veth peer name v1
ip -n "$ns" link set v1 mtu 9000 up
ip -n "$ns" link set v0 up
tc -n "$ns" qdisc add dev v0 clsact
tc -n "$ns" filter add dev v0 egress bpf direct-action object-file "$1" section tc >/dev/null
index=$(ip -n "$ns" -o link show v0 | cut -d: -f1)
nsenter --net="/run/netns/$ns" perl -e '
  my ($index, $destination) = @ARGV;
  socket(my $raw, 17, 3, 0) or die "packet socket: $!\n";
  my $frame = pack("H*", "02005e00530202005e00530108004500176200010000401100 00c0000201" =~ s/ //r . $destination);
  $frame .= "\0" x (6000 - length $frame);
  my $address = pack("S n l S C C a8", 17, 8, $index, 0, 0, 6, "\x02\0\x5e\0\x53\2");
  if (defined send($raw, $frame, 0, $address)) { print "passed\n" }
  elsif ($!{ENOBUFS}) { print "dropped\n" }
  else { die "send: $!\n" }' "$index" "$2"
