# Has the nodes of a cluster count together in one file, under a lock as ctdb and Samba take them.
#
# Arguments: seconds, the file, the text that it begins with, the number of this node, how many nodes
# there are, how often each counts.
# Prints one word: "missing", "other", "alone" with the numbers of those who did not come, "intruded",
# or "counted" with the number in the end.
use strict;
use warnings;
use Fcntl qw(F_SETLK F_WRLCK F_UNLCK SEEK_SET);
use POSIX ();

my ($seconds, $path, $token, $own, $nodes, $rounds) = @ARGV;
my ($ARRIVED, $DONE, $OWNER, $NUMBER) = (1024, 2048, 3072, 3076);
my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Seconds of a clock that nobody sets.
sub now { return (POSIX::times())[0] / $tick }

sub nap { select undef, undef, undef, $_[0] }

alarm $seconds + 10;
my $end = now() + $seconds;
sysopen my $file, $path, POSIX::O_RDWR() or do {
    print $!{ENOENT} ? "missing\n" : "error $!\n";
    exit;
};

sub get {
    my ($at, $size) = @_;
    my $bytes = '';
    sysseek $file, $at, SEEK_SET or die "$path: $!\n";
    defined sysread $file, $bytes, $size or die "$path: $!\n";
    return $bytes;
}

sub put {
    my ($at, $bytes) = @_;
    sysseek $file, $at, SEEK_SET or die "$path: $!\n";
    (syswrite($file, $bytes) // 0) == length $bytes or die "$path: $!\n";
}

# struct flock of fcntl(2) on 64 bits: the first byte of the file.
sub locked {
    my ($what) = @_;
    while (!fcntl $file, F_SETLK, pack 's s x![q] q q i x![q]', $what, SEEK_SET, 0, 1, 0) {
        die "lock: $!\n" unless $!{EAGAIN} || $!{EACCES} || $!{EINTR};
        return if now() > $end;
        nap(0.001);
    }
    return 1;
}

sub out_of_time {
    print "alone @_\n";
    exit;
}

# Marks this node in a row of marks, and waits until all nodes are there.
sub meet {
    my ($at) = @_;
    locked(F_WRLCK) or out_of_time();
    put($at + $own, '1');
    while (1) {
        my $marks = get($at, $nodes);
        return if $marks eq '1' x $nodes;
        locked(F_UNLCK);
        out_of_time(grep { substr($marks, $_, 1) ne '1' } 0 .. $nodes - 1) if now() > $end;
        nap(0.005);
        locked(F_WRLCK) or out_of_time();
    }
}

locked(F_WRLCK) or out_of_time();
my $is_it = get(0, length $token) eq $token;
locked(F_UNLCK);
if (!$is_it) {
    print "other\n";
    exit;
}

meet($ARRIVED);
locked(F_UNLCK);
for (1 .. $rounds) {
    locked(F_WRLCK) or out_of_time();
    my $number = get($NUMBER, 8);
    put($OWNER, sprintf '%04d', $own);
    # Time for others to come in, if they can.
    nap(0.001);
    if (get($OWNER, 4) != $own) {
        print "intruded\n";
        exit;
    }
    put($NUMBER, sprintf '%08d', $number + 1);
    locked(F_UNLCK);
}
meet($DONE);
print 'counted ', get($NUMBER, 8) + 0, "\n";
locked(F_UNLCK);
