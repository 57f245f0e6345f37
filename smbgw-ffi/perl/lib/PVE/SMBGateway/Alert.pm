package PVE::SMBGateway::Alert;

use strict;
use warnings;

use PVE::SMBGateway;

sub acknowledge { my (@given) = @_; return PVE::SMBGateway::Method::call('alert.acknowledge', @given) }
sub list        { my (@given) = @_; return PVE::SMBGateway::Method::call('alert.list',        @given) }
sub silence     { my (@given) = @_; return PVE::SMBGateway::Method::call('alert.silence',     @given) }
sub test        { my (@given) = @_; return PVE::SMBGateway::Method::call('alert.test',        @given) }
sub unsilence   { my (@given) = @_; return PVE::SMBGateway::Method::call('alert.unsilence',   @given) }

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Alert - what people are told

=head1 SYNOPSIS

    use PVE::SMBGateway::Alert;

    PVE::SMBGateway::Alert->silence(share => 'media', until => time + 3600, note => 'maintenance', by => 'alice');

=head1 DESCRIPTION

What is wrong now, and who is told of it. Arguments, errors and the rest are described in L<PVE::SMBGateway>.
Moments are seconds since 1970.

=head1 METHODS

=head2 acknowledge

Says that alerts are known: no reminders come until they become worse. Meant are those of the share C<share> or
C<all>, and perhaps of one C<kind>, such as C<space>. C<note> says what is done about it, C<by> who says so.

=head2 list

The alerts that are raised, and what is silenced.

=head2 silence

Tells nothing C<until> a moment; what is still wrong then is told then. It takes what C<acknowledge> takes.

=head2 test

Sends a message by every channel, or by C<channel>.

=head2 unsilence

Ends silences before their time: those of C<share> or C<all>, and perhaps of one C<kind>.

=head1 LICENSE

AGPL-3.0-or-later

=cut
