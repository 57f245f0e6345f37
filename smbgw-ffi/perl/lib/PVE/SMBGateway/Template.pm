package PVE::SMBGateway::Template;

use strict;
use warnings;

use PVE::SMBGateway;

sub build    { my (@given) = @_; return PVE::SMBGateway::Method::call('template.build',    @given) }
sub delete   { my (@given) = @_; return PVE::SMBGateway::Method::call('template.delete',   @given) }    ## no critic (ProhibitBuiltinHomonyms)
sub fetch    { my (@given) = @_; return PVE::SMBGateway::Method::call('template.fetch',    @given) }
sub list     { my (@given) = @_; return PVE::SMBGateway::Method::call('template.list',     @given) }
sub show     { my (@given) = @_; return PVE::SMBGateway::Method::call('template.show',     @given) }
sub validate { my (@given) = @_; return PVE::SMBGateway::Method::call('template.validate', @given) }

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Template - the disks that virtual machines start from

=head1 SYNOPSIS

    use PVE::SMBGateway::Template;

    PVE::SMBGateway::Template->build(name => 'bookworm', timeout => 1800);
    print "$_->{record}{name}\n" for @{ PVE::SMBGateway::Template->list->{templates} };

=head1 DESCRIPTION

Templates are disks of Debian with Samba, kept in a store of this machine: the folder C<store>, or that of all
programs. Arguments, errors and the rest are described in L<PVE::SMBGateway>. All methods are called as class methods.
Of an image at C<root>, only C<list> and C<show> tell.

=head1 METHODS

=head2 build

Builds the template C<name> from the packages of Debian: the release C<distro>, with a disk of C<size> (such as
C<4G>) and C<packages> beside those that all templates have. C<tags> are words by which it is found, C<mirror> and
C<security_mirror> the archives, C<epoch_seconds> the time that newer files are given. This takes minutes.

=head2 delete

Deletes the template C<name>, unless disks are layers over it.

=head2 fetch

Makes the template C<name> of the image C<from>, a file or an address with http or https, whose C<checksum> is
C<sha256:> or C<sha512:> with digits. What came of it before is not fetched again.

=head2 list

All C<templates>, each with its C<record>.

=head2 show

The template C<name>.

=head2 validate

Looks the template C<name> over: C<checks>, each with C<verdict>, cause and remedy. With C<boot>, a machine is
started from it, too.

=head1 SEE ALSO

F<docs/virtual-machines.md> has each code with its cause and what to do.

=head1 LICENSE

AGPL-3.0-or-later

=cut
