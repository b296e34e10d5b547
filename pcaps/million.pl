#!/usr/bin/perl
# Writes a classic pcap of mixed frames for measuring replay. usage: million.pl OUT.pcap [COUNT, default 1000000]
# TCP, UDP, ICMP, ARP, IPv6 and VLAN frames of 60 to 1514 bytes, from a fixed random sequence: the same file every time.
use strict;
use warnings;

my ($file, $count) = (@ARGV, 1_000_000);
die "usage: million.pl OUT.pcap [COUNT]\n" unless @ARGV >= 1 && $count =~ /^\d+$/;
my $state = 1;
sub random { $state = ($state * 1103515245 + 12345) & 0x7FFFFFFF; return ($state >> 8) % $_[0]; }

my $macs = pack('H*', '02005e00530102005e005302');
my @lengths = (60, 60, 60, 64, 90, 128, 256, 590, 1514);
my @ports = (443, 80, 53, 22, 8080, 12345);
open my $out, '>:raw', "$file.tmp" or die "$file.tmp: $!\n";
print $out pack('VvvVVVV', 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1);
for my $i (0 .. $count - 1) {
    my $length = $lengths[random(scalar @lengths)];
    my $kind = random(16);
    my $frame = $macs;
    $frame .= pack('nn', 0x8100, random(4096)) if $kind == 0;
    if ($kind == 1) {
        $frame .= pack('n', 0x0806);
    } elsif ($kind == 2) {
        $frame .= pack('nNnCC', 0x86DD, 0x60000000, 8, 17, 64);
    } else {
        my $protocol = $kind == 3 ? 1 : $kind < 11 ? 6 : 17;
        $frame .= pack('nCCnnnCCnNN', 0x0800, 0x45, 0, $length - 14, $i & 0xFFFF, 0, 64, $protocol, 0,
            0xC0000201, 0xC6336400 + random(256));
        $frame .= pack('nn', 1024 + random(60000), $ports[random(scalar @ports)]);
    }
    $frame .= "\0" x ($length - length $frame);
    print $out pack('VVVV', int($i / 1000), $i % 1000 * 1000, $length, $length), $frame;
}
close $out or die "$file.tmp: $!\n";
rename "$file.tmp", $file or die "$file: $!\n";
