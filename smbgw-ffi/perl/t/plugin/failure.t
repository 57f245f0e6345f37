#!/usr/bin/perl

# What goes wrong while a storage is added leaves nothing, or something that the next attempt takes up.

use strict;
use warnings;

use FindBin;
use Test::More;
use Time::HiRes qw(sleep);

use lib "$FindBin::Bin/lib";
use SMBGateway::Node qw(content_of in_child needs_host pvesm run_program shares storage_cfg there_is_nothing_of
    write_file);

needs_host();

my @GUEST = ('--smbgw-quota', '32M', '--smbgw-guest', '1', '--content', 'iso,images');

sub fails {
    my ($what, $saying, @arguments) = @_;
    my $ran = pvesm('add', 'smbgateway', 'media', @arguments);
    is($ran->{status}, 255, "$what: fails");
    like($ran->{err}, $saying, "$what: the reason");
    there_is_nothing_of('media', $what);
    return;
}

fails('nothing asked for', qr/smbgw-quota: no quota is given.*--smbgw-quota 10G.*\n.*smbgw-users/s);
fails('a quota that is none', qr/smbgw-quota: /, '--smbgw-quota', 'lots', '--smbgw-guest', '1');
fails('a user that is not there', qr/smbgw-users: .*nosuchuser.*--username with --password/, '--smbgw-quota', '1G', '--smbgw-users', 'nosuchuser');
fails('a second user that is not there', qr/username: no SMB password .*nosuchuser/, '--smbgw-quota', '1G',
    '--username', 'erin', '--password', 'Tr0ub4dor&3', '--smbgw-users', 'nosuchuser');
fails('another mode', qr/mode 'lxc' cannot be made yet/, @GUEST, '--smbgw-mode', 'lxc');
fails('a mode that is none', qr/enumeration 'native, lxc, vm'/, @GUEST, '--smbgw-mode', 'cloud');
fails('another node', qr/on the node on which the storage is added.*'gw'; add it on pve7/, @GUEST,
    '--nodes', 'pve7');
fails('a password of nobody', qr/Name the account with --username/, @GUEST, '--password', 'x');
fails('an option of another type', qr/unexpected property 'pool'/, @GUEST, '--pool', 'tank');
fails('an option that is none', qr/smbgw-nonsense: property is not defined/, @GUEST,
    '--smbgw-nonsense', '1');
fails('a comment that storage.cfg could not keep', qr/smbgw-comment: .*pattern/, @GUEST,
    '--smbgw-comment', "F\x{fc}ller");
fails('a path that the host could not list', qr/the path '.*' has other characters/, @GUEST,
    '--path', '/srv/smb/my films');
fails('a path of the system', qr/path: /, @GUEST, '--path', '/etc/samba');
fails('a file system without limits', qr/tmpfs/, @GUEST, '--path', '/srv/media');
{
    local $ENV{PVE_STANDIN_FAIL} = 'activate';
    fails('an activation that fails', qr/activation failed on demand/, @GUEST);
    fails('an activation that fails, with an account', qr/activation failed on demand/,
        '--smbgw-quota', '32M', '--username', 'carol', '--password', 'Tr0ub4dor&3');
    is(run_program('getent', 'passwd', 'carol')->{out}, q{}, 'an activation that fails: no account is left');
    mkdir '/srv/smb/media';
    write_file('/srv/smb/media/letter', 'dear');
    isnt(pvesm('add', 'smbgateway', 'media', '--smbgw-quota', '32M', '--username', 'carol',
            '--password', 'Tr0ub4dor&3')->{status}, 0, 'a directory that was there: fails');
    is(content_of('/srv/smb/media/letter'), 'dear', 'a directory that was there: what is in it stays');
    is(run_program('getent', 'passwd', 'carol')->{out}, q{}, 'a directory that was there: no account is left');
    unlink '/srv/smb/media/letter';
    rmdir '/srv/smb/media';
}
{
    local $ENV{SMBGW_LIBRARY} = '/nonexistent.so';
    my $ran = pvesm('add', 'smbgateway', 'media', @GUEST);
    is($ran->{status}, 255, 'no library: fails');
    like($ran->{err}, qr/storage 'media': .*libsmbgw/s, 'no library: the reason');
}
there_is_nothing_of('media', 'no library');
{
    # The directory for what is private cannot be made: before anything else.
    write_file('/etc/pve/priv/storage.was', q{});
    rename '/etc/pve/priv/storage', '/etc/pve/priv/storage.away';
    rename '/etc/pve/priv/storage.was', '/etc/pve/priv/storage';
    my $ran = pvesm('add', 'smbgateway', 'media', @GUEST);
    is($ran->{status}, 255, 'no place for what is private: fails');
    unlink '/etc/pve/priv/storage';
    mkdir '/etc/pve/priv/storage', oct '700';
    there_is_nothing_of('media', 'no place for what is private');
}

# Something is in the directory, so the directory stays.
mkdir '/srv/smb/media';
write_file('/srv/smb/media/letter', 'dear');
{
    local $ENV{PVE_STANDIN_FAIL} = 'activate';
    isnt(pvesm('add', 'smbgateway', 'media', @GUEST)->{status}, 0, 'a directory with a file: fails');
}
is(content_of('/srv/smb/media/letter'), 'dear', 'a directory with a file: is left alone');
is_deeply([ shares() ], [], 'a directory with a file: no share');
unlink '/srv/smb/media/letter';
rmdir '/srv/smb/media';

# storage.cfg cannot be written after all was done; the next attempt takes what is there as its own,
# whatever it was told before.
{
    local $ENV{PVE_STANDIN_FAIL} = 'write';
    my $ran = pvesm('add', 'smbgateway', 'media', '--smbgw-quota', '16M', '--smbgw-users', 'root');
    like($ran->{err}, qr/no quorum/, 'storage.cfg cannot be written');
}
unlike(storage_cfg(), qr/media/, 'storage.cfg cannot be written: no storage');

# Killed at the moment that a test asks for.
sub killed {
    my ($when) = @_;
    my $ended = in_child(sub {
        require PVE::API2::Storage::Config;
        require PVE::SMBGateway;
        my $call  = \&PVE::SMBGateway::call;
        my $looks = 0;
        no warnings 'redefine';
        *PVE::SMBGateway::call = sub {
            my ($class, $method, @more) = @_;
            # The hook looks before and after it makes the share, and then the activation does.
            $looks++ if $method eq 'share.list';
            kill 'KILL', $$ if $looks == 3 && $when eq 'activation';
            kill 'KILL', $$ if $method eq 'share.create' && $when eq 'before';
            my $reply = $call->($class, $method, @more);
            kill 'KILL', $$ if $method eq 'share.create' && $when eq 'after';
            return $reply;
        };
        PVE::API2::Storage::Config->create({ type => 'smbgateway', storage => 'media',
                'smbgw-quota' => '32M', 'smbgw-guest' => 1, content => 'iso,images' });
    });
    is($ended & 127, 9, "killed $when: the process is gone");
    return;
}

sub succeeds_now {
    my ($what) = @_;
    my $ran = pvesm('add', 'smbgateway', 'media', @GUEST);
    is_deeply([ @$ran{qw(status err)} ], [ 0, q{} ], "$what: the next attempt succeeds") or diag($ran->{err});
    is_deeply([ shares() ], ['media'], "$what: the share is there");
    like(pvesm('status')->{out}, qr/^media\s+smbgateway\s+active\s+32768\s/m, "$what: and active");
    $ran = pvesm('remove', 'media');
    is_deeply([ @$ran{qw(status err)} ], [ 0, q{} ], "$what: is removed");
    return there_is_nothing_of('media', "$what, removed");
}

succeeds_now('storage.cfg cannot be written');
for my $when (qw(before after activation)) {
    killed($when);
    succeeds_now("killed $when");
}

# Killed in the middle of it, as seen by the journal of the library.
{
    my $child = fork // die "fork: $!\n";
    if (!$child) {
        open STDERR, '>', '/dev/null';
        exec $^X, '-w', (stand_in_pvesm()), 'add', 'smbgateway', 'media', @GUEST;
        exit 1;
    }
    my $ended = 0;
    while (!$ended && !-e '/var/lib/smbgw/journal/media.jsonl') {
        $ended = waitpid $child, 1;
        sleep 0.001;
    }
    kill 'KILL', $child if !$ended;
    waitpid $child, 0;
    ok(!$ended, 'killed in the middle: it was');
    succeeds_now('killed in the middle');
}

# The alarm of the lock comes: what was made by then is taken back.
{
    local $ENV{PVE_STANDIN_ALARM} = 2;
    my $ended = in_child(sub {
        require PVE::API2::Storage::Config;
        require PVE::SMBGateway;
        my $call = \&PVE::SMBGateway::call;
        no warnings 'redefine';
        *PVE::SMBGateway::call = sub {
            my ($class, $method, @more) = @_;
            my $reply = $call->($class, $method, @more);
            CORE::sleep 600 if $method eq 'share.create';
            return $reply;
        };
        eval {
            PVE::API2::Storage::Config->create({ type => 'smbgateway', storage => 'media',
                    'smbgw-quota' => '32M', 'smbgw-guest' => 1 });
            1;
        } and die "it went well\n";
        $@ =~ m/'file-storage_cfg'-locked command timed out/ or die "another error: $@";
    });
    is($ended, 0, 'the alarm of the lock is said');
}
there_is_nothing_of('media', 'after the alarm of the lock');

# Removing fails: the storage stays, so that it can be tried again.
pvesm('add', 'smbgateway', 'media', @GUEST);
{
    my $ended = in_child(sub {
        require PVE::API2::Storage::Config;
        require PVE::SMBGateway;
        my $call = \&PVE::SMBGateway::call;
        no warnings 'redefine';
        *PVE::SMBGateway::call = sub {
            my ($class, $method, @more) = @_;
            die PVE::SMBGateway::Error->new(message => 'the disk is on fire') if $method eq 'share.delete';
            return $call->($class, $method, @more);
        };
        eval { PVE::API2::Storage::Config->remove({ storage => 'media' }); 1 } and die "it went well\n";
        $@ =~ m/storage 'media': the disk is on fire/ or die "another error: $@";
    });
    is($ended, 0, 'a removal that fails says why');
}
like(storage_cfg(), qr/^smbgateway: media$/m, 'a removal that fails leaves the storage');
ok(-e '/etc/pve/priv/storage/media.smbgw', 'and what is known of it');

# Without the library it can be removed all the same.
{
    local $ENV{SMBGW_LIBRARY} = '/nonexistent.so';
    my $ran = pvesm('remove', 'media');
    is($ran->{status}, 0, 'removed without the library');
    like($ran->{err}, qr/the share 'media' stays .*`pve-smbgateway delete media`/, 'which says what stays');
}
is_deeply([ shares() ], ['media'], 'the share stays');

# Made anew by somebody since.
PVE::SMBGateway->call('share.delete', { name => 'media' });
pvesm('add', 'smbgateway', 'media', @GUEST);
PVE::SMBGateway->call('share.delete', { name => 'media' });
sleep 1.1;
PVE::SMBGateway->call('share.create',
    { name => 'media', path => '/srv/smb/media', quota => '16M', guest => \1 });
{
    my $ran = pvesm('remove', 'media');
    like($ran->{err}, qr/the share 'media' was made anew since, and stays/, 'a share made anew');
    is_deeply([ shares() ], ['media'], 'a share made anew stays');
}

done_testing();

sub stand_in_pvesm { return SMBGateway::Node::stand_in() . '/tests/pve/bin/pvesm' }
