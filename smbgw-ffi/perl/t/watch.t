#!/usr/bin/perl

# Limits, watching and alerts from Perl, on a btrfs with quotas.

use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use PVE::SMBGateway::Alert;
use PVE::SMBGateway::Deprecated;
use PVE::SMBGateway::Monitor;
use PVE::SMBGateway::Quota;
use SMBGateway::Place qw(children descriptors died on_a_host threads);

on_a_host();

my $mib = 1024 * 1024;
my $quota = 'PVE::SMBGateway::Quota';
my $alert = 'PVE::SMBGateway::Alert';
my $monitor = 'PVE::SMBGateway::Monitor';

is(ref PVE::SMBGateway->share_check(name => 'media', quota => '64M', guest => 1), 'ARRAY', 'share_check');
is(PVE::SMBGateway->share_create(name => 'media', quota => '64M', guest => 1)->{outcome}, 'done', 'a share is made');
my ($files, $tasks) = (descriptors(), threads());

my $share = '/srv/smb/media';
is($quota->status->[0]{usage}{limits}{bytes}, 64 * $mib, 'status of all');
is($quota->status(name => 'media', exact => 1)->[0]{name}, 'media', 'status of one, exactly');
my $usage = $quota->usage(path => $share);
is($usage->{limits}{bytes}, 64 * $mib, 'usage of a directory');
is($usage->{total}, 64 * $mib, 'and what people see as its size');

{
    no warnings 'deprecated';
    is_deeply(PVE::SMBGateway::Deprecated::_monitor_quota($share, '64M'), $usage, 'by its name of earlier days');
    my $error = died(sub { PVE::SMBGateway::Deprecated::_setup_ctdb_cluster([ 'a', 'b' ], '10.0.0.9') });
    is($error->code, 'call.argument-missing', 'what was never asked for');
    $error = died(sub { PVE::SMBGateway::Deprecated::_join_ad_domain('no domain', 'admin', 'secret') });
    is($error->code, 'ad.request-invalid', 'a domain that cannot be one');
    unlike("$error", qr/secret/, 'and no password');
}

# The limit of a share is changed as that of the share.
is(died(sub { $quota->set(path => $share, limit => '32M') })->kind, 'conflict', 'set on a share');
system('btrfs', '--quiet', 'subvolume', 'create', '/srv/smb/other') == 0 or die "btrfs failed\n";
for my $limit ('32M', 32 * $mib) {
    ok($quota->set(path => '/srv/smb/other', limit => $limit), "set on another directory to $limit");
    is($quota->usage(path => '/srv/smb/other')->{limits}{bytes}, 32 * $mib, 'and it has that limit');
}
ok($quota->set(path => '/srv/smb/other', limit => 'none'), 'and without a limit');

my $checked = $quota->check(name => 'media', quick => 1);
is($checked->{shares}[0]{name}, 'media', 'check looks at the share');
is_deeply($checked->{shares}[0]{deviations}, [], 'and finds nothing');
is(died(sub { $quota->check(quick => 1, fix => 1) })->kind, 'invalid', 'a contradiction');

for my $whose (qw(user group)) {
    for my $does ('report', 'show', 'set') {
        my $method = "${whose}_$does";
        my @owner = $does eq 'report' ? () : (owner => 'root');
        my @limit = $does eq 'set' ? (hard => '1G', grace_seconds => 60) : ();
        my $error = died(sub { $quota->$method(share => 'media', @owner, @limit) });
        is(ref $error && $error->kind, 'unsupported', "$method: btrfs has no such limits") or diag explain $error;
    }
}

ok($monitor->look(timeout => 30), 'a look at all shares');
ok(ref $monitor->status, 'the status of the monitor');
my $history = $quota->history(name => 'media', from => time - 3600, to => time + 60, resolution => 'raw');
is(ref $history, 'HASH', 'the history has seen it') or diag explain $history;

is(ref $alert->list, 'HASH', 'the list of alerts');
my $until = time + 3600;
my $silenced = $alert->silence(share => 'media', until => $until, note => 'maintenance', by => 'alice');
is($silenced->{silence}{until}, $until, 'a silence until a moment') or diag explain $silenced;
is(scalar @{ $alert->list->{silences} }, 1, 'is listed') or diag explain $alert->list;
is(died(sub { $alert->unsilence(share => 'media', all => 1) })->kind, 'invalid', 'the share and all');
ok($alert->unsilence(share => 'media'), 'it ends');
is(scalar @{ $alert->list->{silences} }, 0, 'and is listed no longer');
is(died(sub { $alert->acknowledge(all => 1, note => 'known') })->kind, 'not-found', 'no alert is there to acknowledge');
is(died(sub { $alert->test(channel => 'pigeon') })->kind, 'invalid', 'no such channel');

is(ref PVE::SMBGateway->share_recover, 'ARRAY', 'there is nothing to recover');
is(PVE::SMBGateway->share_delete(name => 'media', purge => 1)->{outcome}, 'done', 'the share is taken away');

is(descriptors(), $files, 'no file is left open');
is(threads(), $tasks, 'no thread is left');
is(children(), 0, 'no child is left');

done_testing();
