package PVE::SMBGateway::Deprecated;

use strict;
use warnings;

use Exporter qw(import);
use Scalar::Util qw(blessed);

use PVE::SMBGateway;
use PVE::SMBGateway::Error;

our @EXPORT_OK = qw(_join_ad_domain _monitor_quota _setup_ctdb_cluster);

# What was warned of already.
my %warned;

sub _monitor_quota {
    my (@given) = @_;
    my ($path) = _arguments('_monitor_quota', 'PVE::SMBGateway::Quota->usage', @given);
    return PVE::SMBGateway->call('quota.usage', { path => $path });
}

sub _join_ad_domain {
    my (@given) = @_;
    my ($domain, $username, $password, $ou) =
        _arguments('_join_ad_domain', 'PVE::SMBGateway::AD->join', @given);
    my %request = (domain => $domain, user => $username);
    $request{ou} = $ou if defined $ou && length $ou;
    return PVE::SMBGateway->call('ad.join', \%request, secrets => { $username => $password });
}

sub _setup_ctdb_cluster {
    my (@given) = @_;
    my ($nodes, $vip) = _arguments('_setup_ctdb_cluster', 'the method ha.setup', @given);
    _need('ha.setup', 'ctdb is set up by hand meanwhile: see the manual page ctdb(7)');
    return PVE::SMBGateway->call('ha.setup', { nodes => $nodes, vip => $vip });
}

# What a function was called with, be it as a function or as a method. Warns, once for each function.
sub _arguments {
    my ($function, $instead, @arguments) = @_;
    if (blessed $arguments[0] || defined $arguments[0] && $arguments[0] =~ m/\A\w+(?:::\w+)+\z/) {
        shift @arguments;
    }
    if (!$warned{$function}++) {
        warnings::warnif('deprecated', "$function is deprecated; use $instead");
    }
    return @arguments;
}

# Dies where the library does not have the method yet.
sub _need {
    my ($method, $meanwhile) = @_;
    my $methods = PVE::SMBGateway->library_methods->{methods};
    return if grep { $_->{name} eq $method } @{$methods};
    return PVE::SMBGateway::Error->throw(
        kind    => 'unsupported',
        code    => 'call.not-available',
        message => "this version of libsmbgw has no method $method",
        hint    => $meanwhile,
        method  => $method,
    );
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Deprecated - names that scripts of earlier days call

=head1 DESCRIPTION

Functions that the storage plugin had before there was a library. They take what they took, as functions or as
methods, and do the same by the library. Each warns once, in the category C<deprecated>. Scripts should call
the library's methods instead.

=head1 FUNCTIONS

=head2 _monitor_quota

    my $usage = _monitor_quota($path, $quota);

What is used of the limit on a directory, as the method C<quota.usage> has it. The second argument is not
looked at: the limit is the one that the kernel enforces.

=head2 _join_ad_domain

    _join_ad_domain($domain, $username, $password, $ou);

Joins a domain by the method C<ad.join>, with the rest as that has it by default.

=head2 _setup_ctdb_cluster

    _setup_ctdb_cluster(\@nodes, $vip);

Sets up a cluster by the method C<ha.setup>. Dies with an error of the code C<call.not-available> as long as
the library has no such method.

=head1 LICENSE

AGPL-3.0-or-later

=cut
