#!/usr/bin/perl

# Calls in processes as pvedaemon has them: forked, with SIGCHLD ignored, with an alarm that is set.

use strict;
use warnings;

use Fcntl qw(LOCK_EX);
use File::Path qw(make_path);
use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use SMBGateway::Place qw(children descriptors died in_child threads tree);

my $tree = tree();

sub works {
    my $missing = died(sub { PVE::SMBGateway->share_status(name => 'media', root => $tree) });
    return ref $missing && $missing->code eq 'share.not-found'
        && ref PVE::SMBGateway->share_list(root => $tree) eq 'ARRAY' ? "works\n" : "fails\n";
}

# Forked before the first call, and after it.
is_deeply([ in_child(\&works) ], [ "works\n", 0 ], 'a child calls first');
is(works(), "works\n", 'its parent calls');
is_deeply([ in_child(\&works) ], [ "works\n", 0 ], 'a child of a parent that has called');
is(works(), "works\n", 'the parent calls after that');
my ($said) = in_child(sub {
    my $mine = works();
    my ($childs) = in_child(\&works);
    return $mine . $childs . works();
});
is($said, "works\n" x 3, 'a worker and the task that it forks');

# In flight on both sides at once.
my @pids;
for (1 .. 4) {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        my $good = eval { (grep { works() eq "works\n" } 1 .. 50) == 50 };
        POSIX::_exit($good ? 0 : 1);
    }
    push @pids, $pid;
}
is((grep { works() eq "works\n" } 1 .. 50), 50, 'a parent calls while its children do');
is_deeply([ map { waitpid $_, 0; $? } @pids ], [ (0) x 4 ], 'and they do');

# Secrets that a child inherits are its own.
require PVE::SMBGateway::Secrets;
my $secrets = PVE::SMBGateway::Secrets->new({ alice => 'secret' });
is_deeply([ in_child(sub { undef $secrets; return works() }) ], [ "works\n", 0 ], 'a child frees secrets');
undef $secrets;
is(works(), "works\n", 'and its parent does');

for my $disposition ('IGNORE', 'DEFAULT', sub { }) {
    local $SIG{CHLD} = $disposition;
    my $name = ref $disposition ? 'a handler' : $disposition;
    is(works(), "works\n", "SIGCHLD: $name");
    is($SIG{CHLD}, $disposition, "SIGCHLD is still: $name");
}

# Holds the lock of the share in another process, and says when it does.
sub while_locked {
    my ($work) = @_;
    make_path("$tree/run/smbgw");
    pipe my $ready, my $holder_is_ready or die "pipe: $!\n";
    pipe my $done,  my $work_is_done    or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        close $work_is_done;
        # Open as long as this process is there.
        ## no critic (RequireBriefOpen)
        open my $lock, '>>', "$tree/run/smbgw/share-media.lock" or POSIX::_exit(1);
        flock $lock, LOCK_EX or POSIX::_exit(1);
        syswrite $holder_is_ready, 'x';
        sysread $done, my $end, 1;
        POSIX::_exit(0);
    }
    close $holder_is_ready;
    sysread $ready, my $byte, 1 or die "the lock could not be taken\n";
    $work->();
    close $work_is_done;
    waitpid $pid, 0;
    return;
}

while_locked(sub {
    my $heard = 0;
    {
        local $SIG{ALRM} = sub { $heard++ };
        alarm 1;
        my $error = died(sub { PVE::SMBGateway->share_delete(name => 'media', root => $tree, timeout => 2.5) });
        alarm 0;
        is(ref $error && $error->code, 'host.locked', 'an alarm does not end a call, the deadline does');
        is($heard, 1, 'and then the handler has run');
    }
    {
        local $SIG{ALRM} = sub { die "alarm\n" };
        alarm 1;
        my $error = died(sub { PVE::SMBGateway->share_delete(name => 'media', root => $tree, timeout => 2.5) });
        alarm 0;
        is($error, "alarm\n", 'a handler that dies is heard after the call');
    }
    is(works(), "works\n", 'the next call');
});

my ($files, $tasks) = (descriptors(), threads());
works() for 1 .. 20;
is(descriptors(), $files, 'no file is left open');
is(threads(), $tasks, 'no thread is left');
is(children(), 0, 'no child is left');

done_testing();
