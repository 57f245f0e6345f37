#!/usr/bin/perl

# The life of a storage, with real clients of its share.

use strict;
use warnings;
use utf8;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use SMBGateway::Node qw(content_of in_child needs_host pvesm run_program shares smbclient storage_cfg
    there_is_nothing_of write_file);

needs_host();

my $ALICE = 'alice%Tr0ub4dör&3';
my $MIB   = 1 << 20;

sub quietly {
    my ($what, @arguments) = @_;
    my $ran = pvesm(@arguments);
    is_deeply([ @$ran{qw(status err)} ], [ 0, q{} ], $what) or diag($ran->{err});
    return $ran->{out};
}

sub octets {
    my ($text) = @_;
    utf8::encode($text);
    return $text;
}

sub status_of {
    my ($id) = @_;
    my $out = quietly("status of $id", 'status');
    my ($line) = grep { m/^\Q$id\E\s/ } split /\n/, $out;
    my (undef, $type, $state, $total, $used, $available) = split q{ }, $line // q{};
    return { type => $type, state => $state, total => $total, used => $used, available => $available };
}

for my $api ('10/1', '15/6') {
    local $ENV{PVE_STANDIN_API} = $api;
    quietly("API $api: add", 'add', 'smbgateway', 'media', '--smbgw-quota', '64M',
        '--username', 'alice', '--password', 'Tr0ub4dör&3', '--content', 'iso,backup',
        '--smbgw-comment', 'Films, and more');
    is_deeply([ shares() ], ['media'], "API $api: the share is there");
    my $cfg = storage_cfg();
    like($cfg, qr{^smbgateway: media\n\tpath /srv/smb/media\n}m, "API $api: storage.cfg");
    like($cfg, qr/^\tnodes gw$/m, "API $api: the storage is one of this node");
    unlike($cfg, qr/Tr0ub4d|password/, "API $api: no password in storage.cfg");
    is(content_of('/etc/pve/priv/storage/media.pw'), octets("password=Tr0ub4dör&3\n"), "API $api: the password");
    is((stat '/etc/pve/priv/storage/media.pw')[2] & oct '777', oct '600', "API $api: is root's alone");
    is((stat '/etc/pve/priv/storage')[2] & oct '777',          oct '700', "API $api: and its directory");

    write_file('/srv/film', 'x' x (8 * $MIB));
    my $put = smbclient('media', $ALICE, 'put /srv/film template/iso/film.iso');
    unlink '/srv/film';
    is($put->{status}, 0, "API $api: a client writes") or diag($put->{out});
    # What is in memory is not counted yet.
    run_program('btrfs', 'filesystem', 'sync', '/srv/smb');
    my $seen = status_of('media');
    is_deeply([ @$seen{qw(type state total)} ], [ 'smbgateway', 'active', 64 * 1024 ],
        "API $api: the numbers of the quota");
    cmp_ok($seen->{used}, '>=', 8 * 1024, "API $api: what the client wrote is used");
    cmp_ok($seen->{used}, '<',  9 * 1024, "API $api: and nothing else");
    is($seen->{used} + $seen->{available}, $seen->{total}, "API $api: the rest is available");
    like(quietly("API $api: list", 'list', 'media'), qr/^media:iso\/film\.iso\s+iso\s+iso\s+8388608$/m,
        "API $api: the ISO is listed");

    quietly("API $api: set quota", 'set', 'media', '--smbgw-quota', '96M');
    is(status_of('media')->{total}, 96 * 1024, "API $api: the new quota");
    quietly("API $api: set something else", 'set', 'media', '--content', 'iso', '--disable', '1');
    is(status_of('media')->{state}, 'disabled', "API $api: disabled");
    quietly("API $api: enable", 'set', 'media', '--delete', 'disable');
    is(status_of('media')->{state}, 'active', "API $api: enabled again");
    my $less = pvesm('set', 'media', '--smbgw-quota', '1M');
    isnt($less->{status}, 0, "API $api: a quota below what is used is refused");
    like($less->{err}, qr/storage 'media': smbgw-quota: .*below/, "API $api: with the reason");
    like(storage_cfg(), qr/smbgw-quota 96M/, "API $api: the old quota stays");
    my $fixed = pvesm('set', 'media', '--smbgw-users', 'bob');
    like($fixed->{err}, qr/smbgw-users: property is not defined in schema/, "API $api: fixed");
    $fixed = pvesm('set', 'media', '--username', 'bob');
    like($fixed->{err}, qr/can't change value of fixed parameter 'username'/, "API $api: fixed, though not for others");
    # Hosts of earlier days do not say what goes.
    if ($api ne '10/1') {
        my $none = pvesm('set', 'media', '--delete', 'smbgw-quota');
        like($none->{err}, qr/storage 'media': the share keeps a quota/, "API $api: no quota");
        like(storage_cfg(), qr/smbgw-quota 96M/, "API $api: the quota is still there");
        my $all = pvesm('set', 'media', '--delete', 'nodes');
        is($all->{status}, 0, "API $api: all nodes");
        like($all->{err}, qr/on node gw alone; `pvesm set media --nodes gw`/, "API $api: all nodes, with a warning");
        quietly("API $api: this node again", 'set', 'media', '--nodes', 'gw');
    }
    my $password = pvesm('set', 'media', '--password', 'other');
    like($password->{err}, qr/`smbpasswd alice`/, "API $api: another password");
    quietly("API $api: forget the password", 'set', 'media', '--delete', 'password');
    ok(!-e '/etc/pve/priv/storage/media.pw', "API $api: the password is forgotten");

    quietly("API $api: remove", 'remove', 'media');
    is_deeply([ shares() ], [], "API $api: the share is gone");
    unlike(storage_cfg(), qr/media/, "API $api: storage.cfg");
    is_deeply([ glob '/etc/pve/priv/storage/*' ], [], "API $api: private files");
    like(smbclient('media', $ALICE, 'ls')->{out}, qr/NT_STATUS_BAD_NETWORK_NAME/,
        "API $api: clients are sent away");
    is(-s '/srv/smb/media/template/iso/film.iso', 8 * $MIB, "API $api: the data stays");

    # With the data there, and by another name and path.
    quietly("API $api: add again", 'add', 'smbgateway', 'again', '--smbgw-quota', '64M',
        '--smbgw-share', 'Films', '--path', '/srv/smb/media', '--smbgw-users', 'root', '--content', 'iso');
    is_deeply([ shares() ], ['Films'], "API $api: another name");
    like(quietly("API $api: list again", 'list', 'again'), qr/film\.iso/, "API $api: the data is there");
    quietly("API $api: remove again", 'remove', 'again');
    unlink '/srv/smb/media/template/iso/film.iso';
    rmdir for qw(/srv/smb/media/template/iso /srv/smb/media/template /srv/smb/media);
    ok(!-e '/srv/smb/media', "API $api: all is away for the next round");
}

# A share that was there before.
PVE::SMBGateway->call('share.create',
    { name => 'before', path => '/srv/smb/before', quota => '32M', guest => \1 });
my $refused = pvesm('add', 'smbgateway', 'before', '--smbgw-quota', '64M');
like($refused->{err}, qr/the share 'before' is there already; leave out --smbgw-quota/,
    'what describes a new share is refused for one that is there');
$refused = pvesm('add', 'smbgateway', 'before', '--path', '/srv/smb/elsewhere');
like($refused->{err}, qr{is a share 'before' already, at '/srv/smb/before'}, 'a share elsewhere is refused');
quietly('take a share that is there', 'add', 'smbgateway', 'before', '--content', 'backup');
is(status_of('before')->{total}, 32 * 1024, 'its quota');
quietly('give it another quota', 'set', 'before', '--smbgw-quota', '48M');
is(status_of('before')->{total}, 48 * 1024, 'its new quota');
quietly('remove it', 'remove', 'before');
is_deeply([ shares() ], ['before'], 'a share that was there before stays');
is_deeply([ glob '/etc/pve/priv/storage/*' ], [], 'nothing is kept of it');
PVE::SMBGateway->call('share.delete', { name => 'before' });

# One that nobody has used leaves nothing.
quietly('add', 'add', 'smbgateway', 'empty', '--smbgw-quota', '32M', '--smbgw-guest', '1',
    '--content', 'iso,images,backup,snippets,vztmpl,rootdir');
ok(-d '/srv/smb/empty/template/iso', 'directories of content are there');
quietly('remove', 'remove', 'empty');
there_is_nothing_of('empty', 'an empty one that was removed');

# Again and again in one process, as in a worker of pvedaemon.
is(in_child(sub {
    require PVE::API2::Storage::Config;
    for my $quota (32, 48) {
        PVE::API2::Storage::Config->create({ type => 'smbgateway', storage => 'worker', content => 'iso',
                'smbgw-quota' => "${quota}M", 'smbgw-guest' => 1 });
        my $total = PVE::Storage::storage_info(PVE::Storage::config())->{worker}{total};
        die "$total\n" if $total != $quota * $MIB;
        PVE::API2::Storage::Config->remove({ storage => 'worker' });
    }
}), 0, 'twice in one process');
there_is_nothing_of('worker', 'twice in one process');

# A node that does not know the type loses the entry, and nothing else.
quietly('add', 'add', 'smbgateway', 'lost', '--smbgw-quota', '32M', '--smbgw-guest', '1', '--content', 'iso');
write_file('/srv/smb/lost/template/iso/film.iso', 'film');
{
    local $ENV{PVE_STANDIN_CUSTOM} = '/nonexistent';
    my $ran = pvesm('set', 'local', '--content', 'iso');
    is($ran->{status}, 0, 'a node without the plugin changes another storage');
    like($ran->{err}, qr/skip section 'lost'.*: unsupported type 'smbgateway'/, 'a node without the plugin: says so');
}
unlike(storage_cfg(), qr/lost/, 'the entry is lost');
is_deeply([ shares() ], ['lost'], 'the share is not');
quietly('add it again', 'add', 'smbgateway', 'lost', '--smbgw-quota', '48M', '--smbgw-guest', '1', '--content', 'iso');
is(status_of('lost')->{total}, 48 * 1024, 'the entry is back, as it was told now');
is(content_of('/srv/smb/lost/template/iso/film.iso'), 'film', 'with what was in the share');
quietly('remove it', 'remove', 'lost');
is_deeply([ shares() ], [], 'with its share');
is(content_of('/srv/smb/lost/template/iso/film.iso'), 'film', 'and the files stay');

# Removed where its share is not.
quietly('add', 'add', 'smbgateway', 'far', '--smbgw-quota', '32M', '--smbgw-guest', '1',
    '--content', 'backup');
my $moved = pvesm('set', 'far', '--nodes', 'other');
is($moved->{status}, 0, 'other nodes');
like($moved->{err}, qr/the share is on node gw, which is not among its nodes any more/, 'with a warning');
{
    local $ENV{PVE_STANDIN_NODE} = 'other';
    my $ran = pvesm('set', 'far', '--smbgw-quota', '64M');
    like($ran->{err}, qr/the share is changed on the node that has it: gw/, 'the quota, on another node');
    $ran = pvesm('remove', 'far');
    is($ran->{status}, 0, 'removed on another node');
    like($ran->{err}, qr/the share 'far' stays on node gw; `pve-smbgateway delete far` there/,
        'which says where the share is');
}
is_deeply([ shares() ], ['far'], 'the share stays');
PVE::SMBGateway->call('share.delete', { name => 'far' });

done_testing();
