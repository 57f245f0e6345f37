# Has the nodes of a cluster meet on the network: each listens, and connects to all others.
#
# Arguments: seconds, a text that all nodes are given, the number of this node, and for each node a word
# and its address: "meet" for one that listens, "connect" for one that another program listens on,
# "skip" for one that is not asked. Then the port.
# Prints "listens", or why not, and what came of each other node.
use strict;
use warnings;
use Errno qw(EINPROGRESS EAGAIN EINTR);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use POSIX ();
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6 AF_INET6 SOMAXCONN SOL_SOCKET SO_ERROR SO_REUSEADDR);

my $port = pop @ARGV;
my ($seconds, $token, $own, @nodes) = @ARGV;
my (@mode, @address);
while (my ($mode, $address) = splice @nodes, 0, 2) {
    push @mode,    $mode;
    push @address, $address;
}
my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Seconds of a clock that nobody sets.
sub now { return (POSIX::times())[0] / $tick }

sub place {
    my ($address, $port) = @_;
    return $address =~ /:/
        ? (AF_INET6, pack_sockaddr_in6($port, inet_pton(AF_INET6, $address)))
        : (AF_INET, pack_sockaddr_in($port, inet_pton(AF_INET, $address)));
}

# A socket at an address of this node that does not wait.
sub opened {
    my ($address, $port, $reuse) = @_;
    my ($family, $place) = place($address, $port);
    socket my $socket, $family, SOCK_STREAM, 0 or return;
    fcntl $socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK or return;
    setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1 or return if $reuse;
    bind $socket, $place or return;
    return $socket;
}

$SIG{PIPE} = 'IGNORE';
alarm $seconds + 10;
my $hello = "smbgw $token";
my ($listener, @in, %heard, @out, @found);
if ($mode[$own] eq 'meet') {
    $listener = opened($address[$own], $port, 1);
    undef $listener if $listener && !listen $listener, SOMAXCONN;
    print $listener ? "listens\n" : "deaf $!\n";
}

my $end = now() + $seconds;
for my $node (0 .. $#mode) {
    $found[$node] = $node == $own || $mode[$node] eq 'skip' ? 'met' : 'silent';
}

# Whether a node is still to come here.
sub is_waited_for {
    my ($node) = @_;
    return $node != $own && $mode[$node] ne 'skip' && !$heard{$node};
}

while (now() < $end) {
    for my $node (grep { $found[$_] ne 'met' } 0 .. $#mode) {
        my $out = $out[$node] ||= {next => 0};
        next if $out->{socket} || now() < $out->{next};
        my $socket = opened($address[$own], 0, 0);
        my (undef, $place) = place($address[$node], $port);
        if (!$socket || !connect $socket, $place and !$!{EINPROGRESS}) {
            $found[$node] = "error $!";
            $out->{next} = now() + 0.2;
            next;
        }
        @$out{qw(socket state text)} = ($socket, 'connecting', '');
    }
    my ($reading, $writing) = ('', '');
    vec($reading, fileno $listener, 1) = 1 if $listener;
    vec($reading, fileno $_->{socket}, 1) = 1 for @in;
    my $busy = $listener && grep { is_waited_for($_) } 0 .. $#mode;
    for my $out (grep { $_ && $_->{socket} } @out) {
        vec($out->{state} eq 'connecting' ? $writing : $reading, fileno $out->{socket}, 1) = 1;
    }
    last if !$busy && !@in && !grep { $_ ne 'met' } @found;
    select $reading, $writing, undef, 0.1;

    if ($listener && vec $reading, fileno $listener, 1) {
        if (accept my $socket, $listener) {
            fcntl $socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK;
            syswrite $socket, "$hello $own\n";
            push @in, {socket => $socket, text => ''} if @in < 256;
        }
    }
    # They hang up, so that no connection stays with the port that is listened on.
    @in = grep {
        my $open = 1;
        if (vec $reading, fileno $_->{socket}, 1) {
            my $read = sysread $_->{socket}, $_->{text}, 256, length $_->{text};
            $open = defined $read ? $read > 0 : $!{EAGAIN} || $!{EINTR};
            $heard{$1} = 1 if $_->{text} =~ /^\Q$hello\E (\d+)\n/;
            $open = 0 if length $_->{text} > 512;
        }
        $open;
    } @in;
    for my $node (grep { $out[$_] && $out[$_]{socket} } 0 .. $#mode) {
        my $out = $out[$node];
        my $socket = $out->{socket};
        my $over;
        if ($out->{state} eq 'connecting') {
            next unless vec $writing, fileno $socket, 1;
            my $error = unpack 'i', getsockopt $socket, SOL_SOCKET, SO_ERROR;
            if ($error) {
                local $! = $error;
                $found[$node] = "error $!";
                $over = 1;
            }
            elsif ($mode[$node] eq 'connect') {
                $found[$node] = 'met';
                $over = 1;
            }
            else {
                syswrite $socket, "$hello $own\n";
                $out->{state} = 'greeted';
            }
        }
        elsif (vec $reading, fileno $socket, 1) {
            my $read = sysread $socket, $out->{text}, 256, length $out->{text};
            if ($out->{text} eq "$hello $node\n") {
                $found[$node] = 'met';
                $over = 1;
            }
            elsif (defined $read ? !$read : !$!{EAGAIN} && !$!{EINTR} or length $out->{text} > 512) {
                $found[$node] = 'other';
                $over = 1;
            }
        }
        if ($over) {
            close $socket;
            undef $out->{socket};
            $out->{next} = now() + 0.2;
        }
    }
}
print "to $_ $found[$_]\n" for grep { $_ != $own } 0 .. $#mode;
