#!/usr/bin/perl

# A storage that does not work is inactive, and harms no other.

use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use SMBGateway::Node qw(in_child needs_host pvesm run_program shares write_file);

needs_host();
require PVE::Storage;
require PVE::SMBGateway;

my $class = 'PVE::Storage::Custom::SMBGateway';
my @WELL  = (16 << 20, 1);

sub add {
    my ($id, @more) = @_;
    my $ran = pvesm('add', 'smbgateway', $id, '--smbgw-quota', '16M', '--smbgw-guest', '1',
        '--content', 'backup', @more);
    is($ran->{status}, 0, "add $id") or diag($ran->{err});
    return;
}

# All storages in one pass, as pvestatd does it: total and active of each, and what was warned.
sub look_at_all {
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    my $info = PVE::Storage::storage_info(PVE::Storage::config(), undef, 1);
    my %seen = map { $_ => [ @{ $info->{$_} }{qw(total active)} ] } keys %$info;
    return (\%seen, join q{}, @warned);
}

# One is as it should be all the time, beside another with a trouble.
sub trouble {
    my ($what, $saying) = @_;
    my ($seen, $warned) = look_at_all();
    is_deeply($seen->{good}, \@WELL, "$what: the others go on");
    is_deeply($seen->{bad}, [ 0, 0 ], "$what: inactive");
    is($seen->{local}[1], 1, "$what: other types go on");
    like($warned, $saying, "$what: why");
    my $scfg = PVE::Storage::config()->{ids}{bad};
    my @numbers = eval { local $SIG{__DIE__} = sub { die 'seen' }; $class->status('bad', $scfg, {}) };
    is_deeply(\@numbers, [ 0, 0, 0, 0 ], "$what: status never dies");
    is($@, q{}, "$what: nor leaves an error");
    return;
}

add('good');
add('bad');
my ($seen, $warned) = look_at_all();
is_deeply([ @$seen{qw(good bad)} ], [ [@WELL], [@WELL] ], 'both are active');
is($warned, q{}, 'without a word');
{
    ($seen, $warned) = look_at_all();
    is($warned, q{}, 'again, without a word');
    # Looking writes nothing into the share.
    is_deeply([ glob '/srv/smb/good/*' ], ['/srv/smb/good/dump'], 'and nothing new is there');
}

# A few calls, however many storages there are.
{
    my %calls;
    my $call = \&PVE::SMBGateway::call;
    no warnings 'redefine';
    local *PVE::SMBGateway::call = sub { my (undef, $method) = @_; $calls{$method}++; return $call->(@_) };
    my $scfg = PVE::Storage::config()->{ids}{good};
    my %ids  = map { ("same$_" => { %$scfg, 'smbgw-share' => 'good' }) } 1 .. 20;
    my $info = PVE::Storage::storage_info({ ids => { %ids, bad => PVE::Storage::config()->{ids}{bad} } });
    is(scalar(grep { $_->{active} } values %$info), 21, 'many storages are active');
    is_deeply(\%calls, { 'share.list' => 1, 'quota.status' => 2 }, 'with one look at each share');
    %calls = ();
    require PVE::Storage::Custom::SMBGateway::Look;
    my $cache = {};
    PVE::SMBGateway->call('share.create',
        { name => "more$_", path => "/srv/smb/more$_", quota => '16M', guest => \1 }) for 1 .. 3;
    %calls = ();
    for my $name (qw(good more1 bad more2 more3)) {
        my @numbers = $class->status($name, { path => "/srv/smb/$name" }, $cache);
        is_deeply([ @numbers[ 0, 3 ] ], \@WELL, "the status of $name");
    }
    is_deeply(\%calls, { 'share.list' => 1, 'quota.status' => 3 }, 'and from the third on one at all');
    PVE::SMBGateway->call('share.delete', { name => "more$_", purge => \1 }) for 1 .. 3;
}

# The directory is gone.
rename '/srv/smb/bad', '/srv/smb/away';
trouble('a missing path', qr/unable to activate storage 'bad' - /);
ok(!-e '/srv/smb/bad', 'a missing path: is not made');
# A link in its place.
symlink '/etc', '/srv/smb/bad';
trouble('a link as the path', qr/unable to activate storage 'bad' - /);
ok(!-e '/etc/dump', 'a link as the path: nothing is written there');
unlink '/srv/smb/bad';
# Another directory in its place, as below a file system that is not mounted.
mkdir '/srv/smb/bad';
trouble('another directory at the path', qr/unable to activate storage 'bad' - /);
is_deeply([ glob '/srv/smb/bad/*' ], [], 'another directory at the path: nothing is written there');
rmdir '/srv/smb/bad';
rename '/srv/smb/away', '/srv/smb/bad';
($seen) = look_at_all();
is_deeply($seen->{bad}, \@WELL, 'there again: active');

# Something is mounted over it, as with a file system in the wrong place.
is(run_program('mount', '-t', 'tmpfs', 'other', '/srv/smb/bad')->{status}, 0, 'mounted over');
trouble('another file system at the path', qr/unable to activate storage 'bad' - /);
run_program('umount', '/srv/smb/bad');

# The share is gone.
PVE::SMBGateway->call('share.delete', { name => 'bad' });
trouble('no share', qr/there is no share 'bad' on node 'gw'/);
PVE::SMBGateway->call('share.create',
    { name => 'bad', path => '/srv/smb/bad2', quota => '16M', guest => \1 });
trouble('a share elsewhere', qr{the share 'bad' is at '/srv/smb/bad2', not at '/srv/smb/bad'});
PVE::SMBGateway->call('share.delete', { name => 'bad' });
PVE::SMBGateway->call('share.create',
    { name => 'bad', path => '/srv/smb/bad', quota => '16M', guest => \1 });
($seen) = look_at_all();
is_deeply($seen->{bad}, \@WELL, 'the share is there again: active');

# A record that nobody can read: the library says nothing of all shares, and directories stay usable.
rename '/etc/smbgw/shares/bad.json', '/etc/smbgw/bad.json';
write_file('/etc/smbgw/shares/bad.json', 'garbage');
($seen, $warned) = look_at_all();
is($seen->{local}[1], 1, 'a damaged record: other types go on');
is_deeply($seen->{bad}, [ 0, 0 ], 'a damaged record: inactive');
rename '/etc/smbgw/bad.json', '/etc/smbgw/shares/bad.json';

# No library, or none that works: inactive, and guests can still use what is in the directory.
for my $library ('/nonexistent.so', '/etc/passwd') {
    my $ended = in_child(sub {
        local $ENV{SMBGW_LIBRARY} = $library;
        local $ENV{PVE_STANDIN_API} = '15/6';
        my $code = 'my $cfg = PVE::Storage::config(); my $info = PVE::Storage::storage_info($cfg);'
            . 'print join ",", map { "$_=$info->{$_}{active}" } sort keys %$info;'
            . 'PVE::Storage::activate_storage($cfg, "good"); print " activated"';
        my $ran = SMBGateway::Node::perl('-MPVE::Storage', '-e', $code);
        $ran->{out} eq 'bad=0,good=0,local=1 activated' or die "$ran->{out}: $ran->{err}";
    });
    is($ended, 0, "$library as the library: inactive, and what is there can be used");
}
rmdir '/srv/smb/good/dump';
{
    my $code = 'PVE::Storage::activate_storage(PVE::Storage::config(), "good")';
    local $ENV{SMBGW_LIBRARY} = '/nonexistent.so';
    my $ran = SMBGateway::Node::perl('-MPVE::Storage', '-e', $code);
    like($ran->{err}, qr/the share cannot be looked at: /,
        'no library and an empty directory: it could be one that is not mounted');
}
mkdir '/srv/smb/good/dump', oct '700';

# A node that does not have it.
{
    local $ENV{PVE_STANDIN_NODE} = 'other';
    ($seen, $warned) = look_at_all();
    is_deeply($seen->{bad}, [ 0, 0 ], 'another node: inactive');
    is($warned, q{}, 'another node: without a word, for the storage is not one of its');
}

# smbd has ended: the directory is there all the same.
run_program('smbcontrol', 'smbd', 'shutdown');
($seen, $warned) = look_at_all();
is_deeply([ $seen->{good}, $warned ], [ [@WELL], q{} ], 'without smbd: guests can use it');

# In a forked child, with SIGCHLD ignored, as daemons have it.
{
    local $SIG{CHLD} = 'IGNORE';
    my $pid = open my $child, '-|';
    if (!$pid) {
        my ($in_child) = look_at_all();
        print join q{,}, @{ $in_child->{good} };
        require POSIX;
        STDOUT->flush();
        POSIX::_exit(0);
    }
    is(scalar <$child>, join(q{,}, @WELL), 'in a child, with SIGCHLD ignored');
    close $child;
}

# A limit that was taken away behind our back.
{
    my ($id) = split q{ }, (split /\n/, run_program('btrfs', 'subvolume', 'show', '/srv/smb/bad')->{out}
            =~ s/.*Subvolume ID:\s*//sr)[0];
    run_program('btrfs', 'qgroup', 'limit', 'none', "0/$id", '/srv/smb');
    ($seen) = look_at_all();
    cmp_ok($seen->{bad}[0], '>', 16 << 20, 'without a limit in force: what the file system has');
    is($seen->{bad}[1], 1, 'without a limit in force: active');
}

{
    local $SIG{__WARN__} = sub { };
    my $seen_before = $class->_monitor_quota('/srv/smb/good', '16M');
    is($seen_before->{limits}{bytes}, 16 << 20, 'the quota, by a name of earlier days');
}

# Names of an older plugin, as functions and as methods.
for my $case (
    [ sub { $class->_join_ad_domain('no domain', 'admin', 'secret') }, qr/not a DNS name of a domain/ ],
    [
        sub { PVE::Storage::Custom::SMBGateway::_setup_ctdb_cluster(['gw'], '192.0.2.1') },
        qr/the folder that the nodes share/
    ]
    )
{
    my ($call, $why) = @{$case};
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    my $done = eval { $call->(); 1 };
    ok(!$done, 'what cannot be done dies');
    isa_ok($@, 'PVE::SMBGateway::Error');
    like("$@", $why, 'and says why');
    like("@warned", qr/is deprecated/, 'and that it is a name of earlier days');
}

done_testing();
