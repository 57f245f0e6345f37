# Holds a cluster lock of ctdb by the program that is given, and lets go of it when the ctdbd of this machine
# hangs: no other node can lead while the lock is held. Written by smbgw; ctdb runs it (`cluster lock` in
# ctdb.conf).
#
# Arguments: for how many milliseconds ctdbd may be silent; the program that holds the lock, with its arguments.
# What both say is in ctdb's cluster_mutex_helper.txt: one character, and the lock is held until they end.
use strict;
use warnings;
use Errno ();
use IO::Handle ();
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM sockaddr_un);

my $SOCKET = '/run/ctdb/ctdbd.socket';

# In seconds: one look, the longest look that counts, and how long this program itself may have stood still.
my ($LOOK, $LONGEST_LOOK, $STANDSTILL) = (0.25, 0.5, 2);

# The numbers of a question to ctdbd: its length, mark, version, and so on; 3 asks whether it is there.
my $THIS_NODE = 0xf0000001;
my $QUESTION = pack 'L15 x4', 64, 0x43544442, 1, 0, 7, $THIS_NODE, $THIS_NODE, 1, 3, (0) x 6;

my ($patience, @program) = @ARGV;
die "usage: MILLISECONDS PROGRAM [ARGUMENT ...]\n" unless @program && $patience =~ /^[1-9]\d*$/;
$patience /= 1000;

my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Seconds of a clock that nobody sets.
sub now { return (POSIX::times())[0] / $tick }

# A busy machine is no reason to be late. Where it is not allowed, it goes without.
eval { setpriority 0, 0, -10 };

my $parent = getppid;
pipe(my $said, my $its) or die "pipe: $!\n";
my $child = fork;
die "fork: $!\n" unless defined $child;
if (!$child) {
    open STDIN,  '<',  '/dev/null' or POSIX::_exit(126);
    open STDOUT, '>&', $its        or POSIX::_exit(126);
    # It ends with this program, in whatever way that ends.
    exec '/usr/bin/setpriv', '--pdeathsig', 'KILL', @program or print STDERR "setpriv: $!\n";
    POSIX::_exit(127);
}
close $its;
$SIG{PIPE} = 'IGNORE';

my $answer = '';
1 while !defined sysread($said, $answer, 1) && $!{EINTR};
# One that cannot be run says nothing.
$answer = '3' if $answer eq '';
syswrite STDOUT, $answer;
if ($answer ne '0') {
    waitpid $child, 0;
    exit 0;
}

my ($daemon, $is_known, $is_asked, $silent) = (undef, 0, 0, 0);
# It is asked several times in that time, and once a second at most.
my $pause = $patience / 8 < 1 ? $patience / 8 : 1;
my ($last, $next) = (now()) x 2;

while (getppid == $parent && waitpid($child, POSIX::WNOHANG()) == 0) {
    $daemon = to_daemon() unless $daemon;
    if ($daemon && !$is_asked && now() >= $next) {
        $is_asked = defined syswrite $daemon, $QUESTION;
        $next = now() + $pause;
    }
    my $has_answered = hear();
    my $look = now() - $last;
    $last = now();
    if ($has_answered || !$is_known || $look > $STANDSTILL) {
        # Where this program stood still itself, ctdbd may have, too: it has all of its time again.
        $silent = 0;
    } else {
        # What passed while this program had to wait for a processor counts for little.
        $silent += $look < $LONGEST_LOOK ? $look : $LONGEST_LOOK;
    }
    last if $silent >= $patience;
}
my $is_hung = $silent >= $patience;
kill 'KILL', $child;
# So it holds nothing any more when ctdb hears of the end of this program; a filesystem that hangs may keep it.
for (1 .. 50) {
    last if waitpid($child, POSIX::WNOHANG()) != 0;
    select undef, undef, undef, 0.02;
}
exit 0 unless $is_hung;
# It may be ctdbd that would have to read this.
$SIG{ALRM} = sub { give_up() };
alarm 1;
print STDERR "smbgw-lock: ctdbd is silent for $patience s: the cluster lock is let go\n";
give_up();

# Ends the recovery daemon, which has started this program: when ctdbd wakes, it would go on to lead before it
# hears of another leader. ctdbd starts a new one, which leads nothing.
sub give_up {
    kill 'KILL', $parent if getppid == $parent;
    POSIX::_exit(0);
}

# A connection with ctdbd, or nothing. One that hangs does not take connections for ever.
sub to_daemon {
    socket my $socket, AF_UNIX, SOCK_STREAM, 0 or return;
    defined $socket->blocking(0) or return;
    return connect($socket, sockaddr_un($SOCKET)) ? $socket : undef;
}

# Waits for a moment, and says whether ctdbd has answered.
sub hear {
    my $ready = '';
    vec($ready, fileno $daemon, 1) = 1 if $daemon;
    return 0 unless select($ready, undef, undef, $LOOK) > 0;
    my $got = sysread $daemon, my $bytes, 65536;
    if ($got) {
        ($is_known, $is_asked) = (1, 0);
        return 1;
    }
    return 0 if !defined $got && ($!{EAGAIN} || $!{EINTR});
    # It has closed the connection. Another one says whether it is there.
    ($daemon, $is_asked) = (undef, 0);
    select undef, undef, undef, $LOOK;
    return 0;
}
