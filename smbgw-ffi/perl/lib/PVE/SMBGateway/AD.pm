package PVE::SMBGateway::AD;

use strict;
use warnings;

use PVE::SMBGateway;

sub check          { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.check',        @given) }
sub discover       { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.discover',     @given) }
sub join           { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.join',         @given) }    ## no critic (ProhibitBuiltinHomonyms)
sub join_offline   { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.join.offline', @given) }
sub keytab         { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.keytab',       @given) }
sub keytab_refresh { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.keytab.refresh', @given) }
sub leave          { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.leave',        @given) }
sub provision      { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.provision',    @given) }
sub recover        { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.recover',      @given) }
sub rotate         { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.rotate',       @given) }
sub spn_add        { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.spn.add',      @given) }
sub spn_list       { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.spn.list',     @given) }
sub spn_remove     { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.spn.remove',   @given) }
sub status         { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.status',       @given) }
sub test           { my (@given) = @_; return PVE::SMBGateway::Method::call('ad.test',         @given) }

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::AD - the Active Directory domain that this machine is a member of

=head1 SYNOPSIS

    use PVE::SMBGateway::AD;

    PVE::SMBGateway::AD->join(
        domain    => 'ad.example',
        user      => 'joiner',
        ou        => 'OU=Gateways,DC=ad,DC=example',
        passwords => { joiner => $password },
        timeout   => 120,
    );
    my $standing = PVE::SMBGateway::AD->status;
    print "$_->{code}: $_->{message}\n" for @{ $standing->{findings} };

    PVE::SMBGateway::AD->leave(user => 'joiner', passwords => { joiner => $password });

=head1 DESCRIPTION

Joins a domain, keeps this machine joined, and says what is wrong. Arguments, errors and the rest are described in
L<PVE::SMBGateway>. All methods are called as class methods.

C<passwords> has the password of C<user>, by the very text that C<user> has.

=head1 METHODS

=head2 check

Checks whether a join would work, with the arguments of C<join>, and says what it would do: C<domain>, C<computer>,
C<controller>, C<steps> and C<notes>. Nothing is changed.

=head2 discover

Finds the domain C<domain> and the controller to talk to. C<server> is asked instead of looking for one, C<site> is
the site that this machine is in, and C<all> waits for all controllers. Nobody logs in.

=head2 join

Joins the domain C<domain> as C<user>, and returns what was done. What fails on the way is taken back, the account
included. Without C<user>, an account that was made before is taken over; C<passwords> has its one-time password
then, by the name in C<computer_name>, or else by the short name of this machine.

C<ou> is the distinguished name of the container for the account; C<computer_name> its short name and C<host_name>
its full one; C<aliases> are further names by which clients reach it. C<server> is the controller to use. C<reuse>
takes over an account that no computer uses, C<reset> any account. With C<no_nsswitch>, F</etc/nsswitch.conf> stays as
it is, and users of the domain cannot use shares unless it names winbind already. C<addresses> are registered in the DNS instead of those of the machine, and with C<no_dns> none are.
C<no_winbind> leaves winbindd as it is.

=head2 join_offline

Joins with C<file>, an offline domain join blob that C<provision>, C<djoin> or C<net offlinejoin> made for this
machine. It takes the arguments of C<join>, but no C<user>; the domain and the name of the computer are in the file.

=head2 keytab

What is in the keytab of this machine: C<file>, C<account> and C<entries>. Keys themselves are not told.

=head2 keytab_refresh

Writes the keys of this machine anew for all services that its account has.

=head2 leave

Leaves the domain. C<user> disables the account, or with C<account> set to C<delete> deletes it. With C<account> set
to C<keep>, only this machine is changed, and no C<user> is needed.

=head2 provision

Makes the account C<computer_name> of another machine and C<file>, with which that joins. It takes the arguments of
C<join>. The file holds the password of the account.

=head2 recover

Finishes or undoes a join or a leave that was interrupted, and returns a list of what was settled. Without C<user>,
what is in the domain stays as it is.

=head2 rotate

Gives the account of this machine a new password. With C<if_older_than_days> that is done only where it is due;
C<result> says whether it was.

=head2 spn_add

Adds C<names> of services such as C<cifs/files.ad.example>, or of hosts alone, which stand for the services that a
join gives to a name. Without C<user>, the machine itself asks.

=head2 spn_list

The names of the services of this machine, and whether directory and keytab have each of them.

=head2 spn_remove

Takes C<names> away, as C<spn_add> adds them.

=head2 status

How this machine stands with its domain: C<state> in one word, C<member> in all detail, and C<findings>, everything
that is not as it should be, with codes, causes and remedies. Of the share C<share> it also says whom that lets in
by the domain, and whom without.

=head2 test

Checks everything that members need of the domain C<domain>, and returns C<checks>, each with C<result>, C<message>,
C<cause> and C<remedy>. C<user> also logs in. C<server> is the controller to look at.

=head1 SEE ALSO

F<docs/active-directory.md> has each code with its cause and what to do.

=head1 LICENSE

AGPL-3.0-or-later

=cut
