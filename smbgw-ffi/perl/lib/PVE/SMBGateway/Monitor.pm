package PVE::SMBGateway::Monitor;

use strict;
use warnings;

use PVE::SMBGateway;

sub look   { my (@given) = @_; return PVE::SMBGateway::Method::call('monitor.look',   @given) }
sub status { my (@given) = @_; return PVE::SMBGateway::Method::call('monitor.status', @given) }

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Monitor - shares are watched

=head1 SYNOPSIS

    use PVE::SMBGateway::Monitor;

    my $seen = PVE::SMBGateway::Monitor->look(timeout => 30);

=head1 DESCRIPTION

Looks at all shares as the monitor does. Arguments, errors and the rest are described in L<PVE::SMBGateway>.

=head1 METHODS

=head2 look

Looks at all shares once: remembers their usage, and tells people what has to be told.

=head2 status

Whether the monitor runs, and what it is set to.

=head1 LICENSE

AGPL-3.0-or-later

=cut
