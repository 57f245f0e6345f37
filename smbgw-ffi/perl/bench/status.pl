#!/usr/bin/perl

# How long one pass over many storages takes, as pvestatd makes it every ten seconds.

use strict;
use warnings;

use Cwd qw(realpath);
use File::Path qw(make_path);
use FindBin;
use Time::HiRes qw(time);

my $ffi = realpath("$FindBin::Bin/../..");
if (!$ENV{SMBGW_BENCH_READY}) {
    local $ENV{SMBGW_BENCH_READY} = 1;
    local $ENV{PVE_STANDIN_CUSTOM} = "$ffi/perl/lib/PVE/Storage/Custom";
    exec $^X, "-I$ffi/perl/lib", "-I$ffi/tests/pve/lib", $0, @ARGV;
}

my $count = shift @ARGV // 500;
my $place = shift @ARGV // '/srv/smb';

require PVE::Storage;
require PVE::SMBGateway;

my @names = map { sprintf 'bench%04d', $_ } 1 .. $count;
PVE::SMBGateway->call('share.create',
    { name => $names[0], path => "$place/$names[0]", quota => '16M', guest => \1 });
like_the_first($_) for @names[ 1 .. $#names ];

my %content = (iso => 1, backup => 1);
my %cfg = (ids => {
        map {
            $_ => { type => 'smbgateway', path => "$place/$_", content => {%content}, 'smbgw-quota' => '16M' }
        } @names
    });
my @times;
for my $pass (1 .. 11) {
    my $start = time;
    my $info  = PVE::Storage::storage_info(\%cfg);
    push @times, time - $start;
    my $active = grep { $info->{$_}{active} } @names;
    die "only $active of $count are active\n" if $active != $count;
}
my $first = shift @times;
my @sorted = sort { $a <=> $b } @times;
printf "one pass over %d storages: %.0f ms at first, then %.0f ms (%.0f to %.0f)\n", $count,
    map { 1000 * $_ } $first, @sorted[ 5, 0, -1 ];
my $start = time;
my $class = PVE::Storage::Plugin->lookup('smbgateway');
my @one = $class->status($names[0], $cfg{ids}{ $names[0] }, {});
printf "status of one, without what a pass keeps: %.1f ms\n", 1000 * (time - $start);

# The same as share.create makes on btrfs, without a proof over SMB for each.
sub like_the_first {
    my ($name) = @_;
    for my $command (['subvolume', 'create'], ['qgroup', 'limit', '16M']) {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            open STDOUT, '>', '/dev/null' or die "/dev/null: $!\n";
            exec 'btrfs', @$command, "$place/$name" or die "btrfs: $!\n";
        }
        waitpid $pid, 0;
        die "btrfs @$command failed\n" if $?;
    }
    my $records = '/etc/smbgw/shares';
    my $record  = PVE::Tools::file_get_contents("$records/$names[0].json");
    $record =~ s/\Q$names[0]\E/$name/g;
    PVE::Tools::file_set_contents("$records/$name.json", $record, oct '600');
    return;
}

__END__

=encoding utf8

=head1 NAME

status.pl - how long a pass over many storages takes

=head1 SYNOPSIS

    SMBGW_LIBRARY=target/release/libsmbgw.so perl/bench/status.pl [COUNT [DIRECTORY]]

=head1 DESCRIPTION

Makes COUNT shares (500) below DIRECTORY (F</srv/smb>), a btrfs with quotas, and looks at all of them as
storages, eleven times. It is meant for a machine that is thrown away: the shares stay.

=head1 LICENSE

AGPL-3.0-or-later

=cut
