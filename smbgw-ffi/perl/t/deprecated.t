#!/usr/bin/perl

# The names that scripts of earlier days call.

use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway::Deprecated qw(_join_ad_domain _monitor_quota _setup_ctdb_cluster);
use SMBGateway::Place qw(died);

my @warnings;
local $SIG{__WARN__} = sub { push @warnings, @_ };

my @calls;

# The library as far as these functions see it.
sub library {
    my ($class, $method, $request, %options) = @_;
    push @calls, [ $method, $request, $options{secrets} ];
    return { said => $method };
}

{
    no warnings 'redefine';
    *PVE::SMBGateway::call = \&library;
}

is_deeply(_monitor_quota('/srv/smb/media', '10G'), { said => 'quota.usage' }, '_monitor_quota');
is_deeply(PVE::SMBGateway::Deprecated->_monitor_quota('/srv/smb/media', '10G'),
    { said => 'quota.usage' }, '_monitor_quota of a class');
is_deeply((bless {}, 'Plugin')->PVE::SMBGateway::Deprecated::_monitor_quota('/srv/smb/media'),
    { said => 'quota.usage' }, '_monitor_quota of an object');
is_deeply(\@calls, [ ([ 'quota.usage', { path => '/srv/smb/media' }, undef ]) x 3 ], 'each asks for the path');

my @join = ('example.com', 'admin', 'secret', 'OU=Servers');
{
    my $error = died(sub { _setup_ctdb_cluster([ 'a', 'b' ], '10.0.0.9') });
    is($error->code, 'call.argument-missing', 'without the shared folder: the code');
    is($error->kind, 'invalid', 'without the shared folder: the kind');
    like("$error", qr/the folder that the nodes share; give it/, 'without the shared folder: what to do');
}

@calls = ();
_join_ad_domain(@join);
PVE::SMBGateway::Deprecated->_join_ad_domain(@join[ 0 .. 2 ], q{}, 'native', undef, []);
_setup_ctdb_cluster([ 'a', 'b' ], '10.0.0.9/24', '/srv/shared');
is_deeply(
    \@calls,
    [
        [ 'ad.join',  { domain => 'example.com', user => 'admin', ou => 'OU=Servers' }, { admin => 'secret' } ],
        [ 'ad.join',  { domain => 'example.com', user => 'admin' }, { admin => 'secret' } ],
        [ 'ha.setup', { nodes => [ 'a', 'b' ], addresses => ['10.0.0.9/24'], shared => '/srv/shared' }, undef ],
    ],
    'with the methods, they are called, and the password is not in the request'
);

is(scalar @warnings, 3, 'each function warns once');
is((grep { m/is deprecated; use .* at \Q$0\E line/ } @warnings), 3, 'of what to use, and where') or diag @warnings;

{
    no warnings 'deprecated';
    delete $INC{'PVE/SMBGateway/Deprecated.pm'};
    local $SIG{__WARN__} = sub { push @warnings, @_ if $_[0] =~ m/is deprecated/ };
    no warnings 'redefine';
    require PVE::SMBGateway::Deprecated;
    PVE::SMBGateway::Deprecated::_monitor_quota('/srv');
}
is(scalar @warnings, 3, 'and not where such warnings are off');

done_testing();
