#!/usr/bin/perl
# Stands in for `pct exec`, `qm guest exec` and `lxc-attach`: their arguments, texts and exit statuses, as Proxmox
# VE 8 and LXC 5 document and have them. A machine is a file in /run/machines/{lxc,qemu-server} with the number
# of its first process, or with a word for what is wrong with it.
use strict;
use JSON::PP;

my ($tool) = $0 =~ m{([^/]+)$};
my $largest_input = 1 << 20;
my $largest_output = 16 << 20;

sub ends { my ($status, $said) = @_; print STDERR "$said\n"; exit $status }

sub state_of {
    my ($kind, $number) = @_;
    ends(255, "400 Parameter verification failed.\nvmid: type check ('integer') failed - got '$number'")
        if $number !~ /^[1-9]\d{2,8}$/;
    open(my $file, '<', "/run/machines/$kind/$number")
        or ends(2, "Configuration file 'nodes/pve/$kind/$number.conf' does not exist");
    return join '', <$file>;
}

sub enter {
    my ($pid, @words) = @_;
    return ('nsenter', qw(--mount --net --uts --ipc --pid --target), $pid, '--wdns=/', '--', @words);
}

# What follows the options is the command; `--` keeps its own options from being read.
sub command { shift @ARGV if @ARGV && $ARGV[0] eq '--'; return @ARGV }

if ($tool eq 'pct') {
    (shift @ARGV) eq 'exec' or ends(255, 'ERROR: unknown command');
    my $number = shift @ARGV;
    my $state = state_of('lxc', $number);
    ends(255, "container '$number' not running!") if $state eq 'stopped';
    my @words = enter($state, command());
    exec { $words[0] } @words;
} elsif ($tool eq 'lxc-attach') {
    my $name;
    while (@ARGV && $ARGV[0] ne '--') {
        my $option = shift @ARGV;
        if ($option eq '-n') { $name = shift @ARGV }
        elsif ($option eq '--clear-env') { %ENV = (PATH => $ENV{PATH}) }
    }
    open(my $file, '<', "/run/machines/lxc/$name")
        or ends(1, "lxc-attach: $name: ../src/lxc/attach.c: get_attach_context: 406 Connection refused - "
            . 'Failed to get init pid');
    my @words = enter(scalar <$file>, command());
    exec { $words[0] } @words;
}

(shift @ARGV) eq 'guest' && (shift @ARGV) eq 'exec' or ends(255, 'ERROR: unknown command');
my $number = shift @ARGV;
my %option = (timeout => 30);
while (@ARGV && $ARGV[0] =~ /^--(.+)/ && $ARGV[0] ne '--') {
    shift @ARGV;
    $option{$1} = shift @ARGV;
}
my $state = state_of('qemu-server', $number);
ends(255, "VM $number is not running") if $state eq 'stopped';
ends(255, 'No QEMU guest agent configured') if $state eq 'without-agent';
ends(255, 'QEMU guest agent is not running') if $state eq 'agent-stopped';
my $input = '';
if ($option{'pass-stdin'}) {
    while (my $line = <STDIN>) {
        $input .= $line;
        ends(255, "'input-data' (STDIN) is limited to 1 MiB, aborting") if length $input > $largest_input;
    }
}
my $folder = "/run/guest-$$";
mkdir $folder, 0700;
open(my $in, '>', "$folder/in");
print {$in} $input;
close $in;
my @words = enter($state, command());
my $pid = fork;
if (!$pid) {
    # The agent's programs have sessions of their own, and pipes for their streams.
    setpgrp 0, 0;
    open STDIN, '<', "$folder/in";
    open STDOUT, '>', "$folder/out";
    open STDERR, '>', "$folder/err";
    exec { $words[0] } @words;
    exit 127;
}
my $result = { pid => $pid };
my $end = time + $option{timeout};
while (time < $end || !$option{timeout}) {
    if (waitpid($pid, 1) == $pid) {
        my %told = (exited => 1);
        if ($? & 127) { $told{signal} = $? & 127 }
        else { $told{exitcode} = $? >> 8 }
        for my $stream ('out', 'err') {
            open(my $file, '<', "$folder/$stream");
            read $file, my $data, $largest_output + 1;
            next if $data eq '';
            $told{"$stream-truncated"} = 1 if length $data > $largest_output;
            $told{"$stream-data"} = substr $data, 0, $largest_output;
        }
        $result = \%told;
        last;
    }
    select undef, undef, undef, 0.02;
}
print STDERR "timeout reached, returning pid\n" if !$result->{exited};
unlink map { "$folder/$_" } qw(in out err);
rmdir $folder;
print JSON::PP->new->utf8->canonical->pretty->encode($result);
