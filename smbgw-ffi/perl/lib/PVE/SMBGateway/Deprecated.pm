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
    my ($nodes, $vip, $shared) = _arguments('_setup_ctdb_cluster', 'PVE::SMBGateway::HA->setup', @given);
    if (!defined $shared || !length $shared) {
        PVE::SMBGateway::Error->throw(
            kind    => 'invalid',
            code    => 'call.argument-missing',
            message => '_setup_ctdb_cluster does not know the folder that the nodes share',
            hint    => 'give it as the third argument, or call PVE::SMBGateway::HA->setup',
            method  => 'ha.setup',
        );
    }
    return PVE::SMBGateway->call('ha.setup', { nodes => $nodes, addresses => [$vip], shared => $shared });
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

    _setup_ctdb_cluster(\@nodes, $vip, $shared);

Sets up a cluster by C<< PVE::SMBGateway::HA->setup >>. C<$shared>, the folder that all nodes share, is new: without it
it dies with an error of the code C<call.argument-missing>.

=head1 LICENSE

AGPL-3.0-or-later

=cut
