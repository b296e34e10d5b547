#!/bin/sh
# Captures real traffic between two network namespaces into pcaps/corpora/traffic.pcap: ARP, ICMP, fragments, TCP, UDP, DNS, IPv6
# and VLAN frames. Needs root, iproute2, tcpdump, ping, ethtool and perl. Times and ports differ from run to run.
set -eu
cd "$(dirname -- "$0")"
mkdir -p corpora

a=plumb-a-$$ b=plumb-b-$$
cleanup() {
  [ -z "${dump:-}" ] || kill "$dump" 2>/dev/null || true
  ip netns del "$a" 2>/dev/null || true
  ip netns del "$b" 2>/dev/null || true
  rm -f corpora/traffic.tmp
}
trap cleanup EXIT INT TERM

ip netns add "$a"
ip netns add "$b"
ip -n "$a" link add v0 type veth peer name v1 netns "$b"
ip -n "$a" addr add 192.0.2.1/24 dev v0
ip -n "$b" addr add 192.0.2.2/24 dev v1
ip -n "$a" addr add 2001:db8::1/64 dev v0 nodad
ip -n "$b" addr add 2001:db8::2/64 dev v1 nodad
ip -n "$a" link set v0 up
ip -n "$b" link set v1 up
ip -n "$a" link set lo up
# Offload would show one large segment instead of the frames.
ip netns exec "$a" ethtool -K v0 tso off gso off tx off >/dev/null 2>&1 || true
ip netns exec "$b" ethtool -K v1 tso off gso off tx off >/dev/null 2>&1 || true

ip netns exec "$a" tcpdump -q -U -i v0 -w corpora/traffic.tmp 2>/dev/null &
dump=$!
sleep 1

ip netns exec "$a" ping -q -c 2 -i 0.2 192.0.2.2 >/dev/null
ip netns exec "$a" ping -q -c 2 -i 0.2 -s 4000 192.0.2.2 >/dev/null
ip netns exec "$a" ping -6 -q -c 2 -i 0.2 2001:db8::2 >/dev/null

# A server that answers on TCP 443 and 80, UDP 5000 and, as a resolver would, UDP 53.
ip netns exec "$b" perl -MIO::Socket::INET -MIO::Select -e '
  my @tcp = map { IO::Socket::INET->new(Listen => 5, LocalPort => $_, ReuseAddr => 1) or die } 443, 80;
  my @udp = map { IO::Socket::INET->new(Proto => "udp", LocalPort => $_) or die } 53, 5000;
  my $select = IO::Select->new(@tcp, @udp);
  alarm 20;
  while (1) {
    for my $ready ($select->can_read) {
      if (grep { $_ == $ready } @tcp) {
        my $client = $ready->accept; my $line = <$client>; print $client "x" x 5000; close $client;
      } else {
        $ready->recv(my $query, 4096);
        substr($query, 2, 2) = pack("n", 0x8180) if $ready->sockport == 53;
        $ready->send($query);
      }
    }
  }' &
server=$!
sleep 1
ip netns exec "$a" perl -MIO::Socket::INET -e '
  for my $port (443, 80) {
    my $tcp = IO::Socket::INET->new(PeerAddr => "192.0.2.2", PeerPort => $port) or die "tcp $port: $!";
    print $tcp "GET / HTTP/1.0\r\n"; my @answer = <$tcp>; close $tcp;
  }
  for (["www", 53], ["mail", 53], ["hello", 5000], ["x" x 3000, 5000]) {
    my ($text, $port) = @$_;
    my $udp = IO::Socket::INET->new(Proto => "udp", PeerAddr => "192.0.2.2", PeerPort => $port) or die "udp: $!";
    $text = pack("n6", 1, 0x0100, 1, 0, 0, 0) . pack("C/a C/a x n2", $text, "example", 1, 1) if $port == 53;
    $udp->send($text); alarm 3; $udp->recv(my $answer, 4096);
  }
  IO::Socket::INET->new(PeerAddr => "192.0.2.2", PeerPort => 81);'
kill "$server" 2>/dev/null || true

# VLAN frames through a packet socket: there need not be a VLAN device.
ip netns exec "$a" perl -e '
  socket(my $raw, 17, 3, 0) or die "packet socket: $!";
  my $index = do { open my $f, "<", "/sys/class/net/v0/ifindex"; <$f> } || shift;
  my $address = pack("S n l S C C a8", 17, 3, $index, 0, 0, 6, "\xff" x 6);
  for my $tags ("81000005", "88a8000181000005", "810000018100000281000003") {
    my $ip = pack("H*", "4500002800010000400600 00c0000201c0000202" =~ s/ //r) . pack("n2N2n4", 1024, 443, 1, 0, 0x5002, 65535, 0, 0);
    send($raw, pack("H*", "ffffffffffff02005e005301" . $tags . "0800") . $ip, 0, $address) or die "send: $!";
  }' "$(ip -n "$a" -o link show v0 | cut -d: -f1)"
sleep 1
kill "$dump"
wait "$dump" 2>/dev/null || true
dump=
mv corpora/traffic.tmp corpora/traffic.pcap
