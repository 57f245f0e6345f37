#!/usr/bin/perl

# Shares from Perl, with a real smbd and real clients.

use strict;
use warnings;
use utf8;

use File::Temp qw(tempfile);
use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use SMBGateway::Place qw(children descriptors died in_child on_a_host threads);

on_a_host();
binmode $_, ':encoding(UTF-8)' for *STDOUT, *STDERR, map { Test::More->builder->$_ } qw(output failure_output todo_output);

my $mib = 1024 * 1024;

# What smbclient says, and its exit status. The password goes by the environment, as a text in UTF-8.
sub client {
    my ($share, $user, $password, $commands) = @_;
    my @arguments = ("//127.0.0.1/$share", '--user' => $user, '--command' => $commands);
    utf8::encode($_) for @arguments, $password;
    local $ENV{PASSWD} = $password;
    # Encodes file names as this program does.
    local $ENV{LC_ALL} = 'C.UTF-8';
    my $pid = open(my $said, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
        exec { 'smbclient' } 'smbclient', @arguments or POSIX::_exit(1);
    }
    my $all = do { local $/ = undef; <$said> };
    close $said;
    return ($all, $?);
}

sub lets_in {
    my ($share, $user, $password, $what) = @_;
    my ($said, $status) = client($share, $user, $password, 'ls');
    is($status, 0, $what) or diag $said;
    return;
}

my ($files, $tasks) = (descriptors(), threads());

# One share from beginning to end, with accounts made for it.
my %passwords = (ann => 'Tr0ub4dor&3', bob => 'pass wörd €');
my $outcome = PVE::SMBGateway->share_create(
    name         => 'media',
    quota        => '32M',
    users        => [ 'ann', 'bob' ],
    create_users => 1,
    comment      => 'Bilder & Töne',
    passwords    => \%passwords,
    timeout      => 60,
);
is($outcome->{outcome}, 'done', 'a share is made');
is_deeply(\%passwords, { ann => 'Tr0ub4dor&3', bob => 'pass wörd €' }, 'the passwords are still what they were');
lets_in('media', 'ann', $passwords{ann}, 'its first user comes in');
lets_in('media', 'bob', $passwords{bob}, 'its second user comes in, with a password in UTF-8');
like((client('media', 'ann', 'wrong', 'ls'))[0], qr/NT_STATUS_LOGON_FAILURE/, 'nobody comes in with a wrong password');

my $status = PVE::SMBGateway->share_status(name => 'media');
ok($status->{answers}, 'it answers');
is_deeply($status->{findings}, [], 'and is as it is meant to be');
is($status->{record}{spec}{comment}, 'Bilder & Töne', 'the comment is what it was');
is($status->{usage}{limits}{bytes}, 32 * $mib, 'its limit');

is($_->code, 'share.refused', 'a share that is there') and is($_->kind, 'conflict', 'is a conflict')
    for died(sub { PVE::SMBGateway->share_create(name => 'MEDIA', quota => '1G', users => ['ann']) });

$outcome = PVE::SMBGateway->share_auth(name => 'media', auth => 'local');
is($outcome->{outcome}, 'done', 'it lets in those of this machine alone');
lets_in('media', 'ann', $passwords{ann}, 'who are all there are');
is(PVE::SMBGateway->share_status(name => 'media')->{record}{spec}{auth}, 'local', 'which its record says');
is($_->code, 'share.refused', 'nobody of a domain could come in') and is($_->kind, 'invalid', 'so that is refused')
    for died(sub { PVE::SMBGateway->share_auth(name => 'media', auth => 'domain') });

$outcome = PVE::SMBGateway->share_resize(name => 'media', quota => '64M');
is($outcome->{outcome}, 'done', 'it gets another limit');
my $usage = PVE::SMBGateway->call('quota.status', { name => 'media' })->[0];
is($usage->{name}, 'media', 'the usage of the share');
is($usage->{usage}{limits}{bytes}, 64 * $mib, 'is against the new limit');

# A name of that kind, with a password that Perl never sees, while SIGCHLD is ignored.
{
    local $SIG{CHLD} = 'IGNORE';
    my ($secret, $secret_file) = tempfile(UNLINK => 1);
    print {$secret} "from a file\n";
    close $secret or die "$secret_file: $!\n";
    open my $open, '<', $secret_file or die "$secret_file: $!\n";
    $outcome = PVE::SMBGateway->share_create(
        name         => 'Bücher Книги',
        path         => '/srv/smb/books',
        quota        => '32M',
        users        => ['carl'],
        create_users => 1,
        passwords    => { carl => $open },
    );
    is($outcome->{outcome}, 'done', 'a share with a name in UTF-8 is made while SIGCHLD is ignored');
    ok(defined fileno $open, 'the file is still open');
    close $open or die "$secret_file: $!\n";
    is($SIG{CHLD}, 'IGNORE', 'SIGCHLD is still ignored');
}
lets_in('Bücher Книги', 'carl', 'from a file', 'its user comes in with the password of the file');
is_deeply([ map { $_->{spec}{name} } @{ PVE::SMBGateway->share_list } ],
    [ 'Bücher Книги', 'media' ], 'both are listed');

# Octets as they are.
my $octets = 'bytes €';
utf8::encode($octets);
$outcome = PVE::SMBGateway->share_create(
    name => 'third', quota => '32M', users => ['dora'], create_users => 1, passwords => { dora => \$octets });
is($outcome->{outcome}, 'done', 'a share with a password of octets');
lets_in('third', 'dora', 'bytes €', 'its user comes in');

# In a worker as pvedaemon has them.
my ($said) = in_child(sub { PVE::SMBGateway->share_delete(name => 'third', purge => 1)->{outcome} });
is($said, 'done', 'a worker takes a share away');
is(died(sub { PVE::SMBGateway->share_status(name => 'third') })->code, 'share.not-found', 'it is away for its parent');

for my $name ('media', 'Bücher Книги') {
    is(PVE::SMBGateway->share_delete(name => $name, purge => 1)->{outcome}, 'done', "$name is taken away");
}
is_deeply(PVE::SMBGateway->share_list, [], 'no share is there');
is(died(sub { PVE::SMBGateway->share_delete(name => 'media') })->code, 'share.not-found', 'nor can it be taken away again');

is(descriptors(), $files, 'no file is left open');
is(threads(), $tasks, 'no thread is left');
is(children(), 0, 'no child is left');

done_testing();
