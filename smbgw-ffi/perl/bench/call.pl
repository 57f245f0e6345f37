#!/usr/bin/perl

# What a call costs, against running the program and against a shell pipeline (root).
#
#   perl -I lib bench/call.pl [PROGRAM]
#
# SMBGW_LIBRARY names the library, PROGRAM is pve-smbgateway of the same build. Works on a btrfs of its own in
# a mount namespace of its own, which end with it.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Time::HiRes qw(time);

use PVE::SMBGateway;
use PVE::SMBGateway::Quota;

my $MEASURED_FOR = 2;

if (!$ENV{SMBGW_BENCH_INSIDE}) {
    local $ENV{SMBGW_BENCH_INSIDE} = 1;
    exec 'unshare', '--mount', $^X, (map {"-I$_"} @INC), $0, @ARGV or die "unshare: $!\n";
}

my $program = $ARGV[0] // dirname($ENV{SMBGW_LIBRARY} // die "SMBGW_LIBRARY names no library\n") . '/pve-smbgateway';
-x $program or die "$program is not there\n";

my $tree  = tempdir(CLEANUP => 1);
my $image = "$tree/image";
my $place = "$tree/srv/smb";

sub run {
    my (@command) = @_;
    open my $kept, '>&', \*STDOUT or die "$!\n";
    open STDOUT, '>', '/dev/null' or die "$!\n";
    my $status = system { $command[0] } @command;
    open STDOUT, '>&', $kept or die "$!\n";
    close $kept;
    die "@command failed\n" if $status;
    return;
}

# How long one takes, in microseconds: the median of rounds, so that another program's turn does not count.
sub cost {
    my ($call) = @_;
    $call->() for 1 .. 3;
    my ($times, $took) = (1, 0);
    while (1) {
        my $start = time;
        $call->() for 1 .. $times;
        $took = time - $start;
        last if $took > $MEASURED_FOR / 20;
        $times *= 2;
    }
    my @rounds;
    my $end = time + $MEASURED_FOR;
    while (time < $end || @rounds < 5) {
        my $start = time;
        $call->() for 1 .. $times;
        push @rounds, (time - $start) / $times * 1e6;
    }
    @rounds = sort { $a <=> $b } @rounds;
    return $rounds[ @rounds / 2 ];
}

sub show {
    my ($what, $cost, $than) = @_;
    printf "%-67s %12.2f us%s\n", $what, $cost, $than ? sprintf '  %8.0f times', $cost / $than : q{};
    return $cost;
}

make_path($place, "$tree/etc/samba");
run('truncate', '--size', '256M', $image);
run('mkfs.btrfs', '--quiet', $image);
run('mount', '-o', 'loop', $image, $place);
run('btrfs', 'quota', 'enable', $place);
run('btrfs', 'quota', 'rescan', '-w', $place);
my %files = (
    'etc/samba/smb.conf' => "[global]\n",
    'etc/passwd'         => "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n",
    'etc/group'          => "root:x:0:\nnogroup:x:65534:\n",
);
for my $name (keys %files) {
    open my $file, '>', "$tree/$name" or die "$name: $!\n";
    print {$file} $files{$name};
    close $file or die "$name: $!\n";
}

my $problem;
eval {
    my $made = PVE::SMBGateway->share_create(name => 'media', quota => '64M', guest => 1, root => $tree);
    die "the share is not made: $made->{outcome}\n" if $made->{outcome} ne 'done';

    my $empty = tempdir(CLEANUP => 1);
    my $call  = show('share.list of an empty tree from Perl', cost(sub { PVE::SMBGateway->share_list(root => $empty) }));
    show('list of the program', cost(sub { run($program, 'list', '--json', '--root', $empty) }), $call);
    show('running the program: --version', cost(sub { run($program, '--version') }), $call);

    my $status = show('quota.status from Perl', cost(sub {
        my $usages = PVE::SMBGateway::Quota->status(name => 'media', root => $tree);
        $usages->[0]{usage}{limits}{bytes} == 64 * 1024 * 1024 or die "another limit\n";
    }));
    show('quota-status of the program', cost(sub {
        run($program, 'quota-status', 'media', '--json', '--root', $tree);
    }), $status);
    # As scripts do without the library: each question is a pipeline of its own, begun by a shell.
    my $share = "$place/media";
    my $limit = sub {
        my $said = qx{btrfs qgroup show -ref --raw '$share' | awk 'NR > 2 { print \$2, \$4 }'};
        $said =~ m/\d+ 67108864/ or die "another limit: $said\n";
    };
    my $fields_of_df = sub {
        my ($option, $field) = @_;
        my $said = qx{df $option '$share' | tail -n 1 | awk '{ print \$$field }'};
        $said =~ m/\S/ or die "no answer\n";
    };
    show('one pipeline: usage and limit', cost($limit), $status);
    show('three pipelines: kind of file system, mount point, usage and limit', cost(sub {
        $fields_of_df->('--print-type', 2);
        $fields_of_df->('--portability', 6);
        $limit->();
    }), $status);
    1;
} or $problem = $@;

run('umount', $place);
die $problem if $problem;
