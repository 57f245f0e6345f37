# Takes a cluster lock by the program that holds it, and tells what the program said.
#
# Arguments: how many seconds the program may take to answer; a file, or "-"; how many seconds to hold
# the lock; the program with its arguments. With a file, what the program said is written to it, and the
# lock is held until the file is gone. Otherwise it is given back at once.
use strict;
use warnings;
use POSIX ();

my ($patience, $marker, $hold, @program) = @ARGV;
my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Seconds of a clock that nobody sets.
sub now { return (POSIX::times())[0] / $tick }

pipe(my $answer, my $its) or die "pipe: $!\n";
my $child = fork;
die "fork: $!\n" unless defined $child;
if (!$child) {
    close $answer;
    open STDIN,  '<',  '/dev/null' or POSIX::_exit(126);
    open STDOUT, '>&', $its        or POSIX::_exit(126);
    exec {$program[0]} @program or print STDERR "$program[0]: $!\n";
    POSIX::_exit(127);
}
close $its;

# Nothing is left in whatever way this ends.
sub finish {
    kill 'TERM', $child;
    for (1 .. 50) {
        last if waitpid($child, POSIX::WNOHANG()) != 0;
        select undef, undef, undef, 0.1;
        kill 'KILL', $child if $_ == 40;
    }
    unlink $marker if $marker ne '-';
}
$SIG{$_} = sub { finish(); exit 1 } for qw(TERM INT HUP ALRM PIPE);
alarm $patience + $hold + 10;

my $said = '';
my $end = now() + $patience;
while ($said eq '' && now() < $end) {
    my $ready = '';
    vec($ready, fileno $answer, 1) = 1;
    next unless select $ready, undef, undef, 0.2;
    # It ends without a word where it cannot be run.
    sysread($answer, $said, 1) or $said = 'e';
}
$said = 's' if $said eq '';

if ($marker ne '-' && $said eq '0') {
    open my $file, '>', $marker or do { finish(); die "$marker: $!\n" };
    close $file;
    $end = now() + $hold;
    select undef, undef, undef, 0.02 while -e $marker && now() < $end;
}
# One that does not have the lock may have more to say than a character, and ends by itself.
for (1 .. 20) {
    last if $said eq '0' || $said eq 's' || waitpid($child, POSIX::WNOHANG()) != 0;
    select undef, undef, undef, 0.05;
}
# One that holds the lock, or says so, has to be there still.
$said = 'e' if $said eq '0' && waitpid($child, POSIX::WNOHANG()) != 0;
finish();
print "$said\n";
