package PVE::SMBGateway::Quota;

use strict;
use warnings;

use PVE::SMBGateway;

sub check        { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.check',        @given) }
sub group_report { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.group.report', @given) }
sub group_set    { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.group.set',    @given) }
sub group_show   { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.group.show',   @given) }
sub history      { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.history',      @given) }
sub set          { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.set',          @given) }
sub status       { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.status',       @given) }
sub usage        { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.usage',        @given) }
sub user_report  { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.user.report',  @given) }
sub user_set     { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.user.set',     @given) }
sub user_show    { my (@given) = @_; return PVE::SMBGateway::Method::call('quota.user.show',    @given) }

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Quota - limits, usage and history

=head1 SYNOPSIS

    use PVE::SMBGateway::Quota;

    my ($share) = @{ PVE::SMBGateway::Quota->status(name => 'media') };
    PVE::SMBGateway::Quota->user_set(share => 'media', owner => 'alice', hard => '2G');

=head1 DESCRIPTION

Limits and usage of shares, directories, users and groups. Arguments, errors and the rest are described in
L<PVE::SMBGateway>. Sizes in requests are texts such as C<10G>, sizes in replies are bytes, and moments are
seconds since 1970.

=head1 METHODS

=head2 check

Compares what is configured with what the file system enforces, for the share C<name> or for all. C<fix> puts
right what can be put right; C<quick> looks at the limit and the top directory only.

=head2 group_report

The usage and limits of all groups on the file system of the share C<share>.

=head2 group_set

Sets limits of a group, with the arguments of C<user_set>.

=head2 group_show

The usage and limits of the group C<owner> on the file system of the share C<share>.

=head2 history

The usage of the share C<name> over time, how it grows and when it will be full: C<from> one moment C<to> another,
in C<resolution> C<auto>, C<raw>, C<hourly> or C<daily>. Without moments it is the week up to now.

=head2 set

Sets the C<limit> of the directory C<path>, which is no share's: a size, a number of bytes, or C<none>.

=head2 status

The usage and limit of the share C<name>, or of all shares, as a list. Fast enough to be called every few
seconds. On btrfs and ZFS the numbers are seconds old, unless C<exact> is given, which waits for the disk.

=head2 usage

The usage and limit of the directory C<path>.

=head2 user_report

The usage and limits of all users on the file system of the share C<share>.

=head2 user_set

Sets limits of the user C<owner>, or of all who have none of their own (C<default>), on the file system of the
share C<share>: C<hard> and C<soft> are sizes, C<files> and C<soft_files> numbers, each of them may be C<none>; for
C<grace_seconds> everybody may exceed soft limits. What is not named stays as it is.

=head2 user_show

The usage and limits of the user C<owner> on the file system of the share C<share>.

=head1 LICENSE

AGPL-3.0-or-later

=cut
