#!/usr/bin/perl

# A daemon calls for months.

use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use SMBGateway::Place qw(descriptors died memory tree);

my $tree = tree();

sub calls {
    my ($times, $call) = @_;
    $call->() for 1 .. $times;
    return;
}

sub flat {
    my ($what, $times, $call) = @_;
    calls($times / 10, $call);
    my ($files, $before) = (descriptors(), memory());
    calls($times, $call);
    my $grown = memory() - $before;
    cmp_ok($grown, '<=', 512, "$times times $what: memory grows by $grown KiB");
    is(descriptors(), $files, "$times times $what: no file is left open");
    return;
}

flat('a call', 100_000, sub { PVE::SMBGateway->call('library.methods') });
flat('a method', 20_000, sub { PVE::SMBGateway->share_list(root => $tree) });
flat('a failure', 20_000, sub { died(sub { PVE::SMBGateway->share_status(name => 'media', root => $tree) }) });
flat('a request that is wrong', 20_000, sub { died(sub { PVE::SMBGateway->call('share.list', { x => [ 'y' x 99 ] }) }) });
flat('secrets', 20_000,
    sub { PVE::SMBGateway->call('library.methods', {}, secrets => { alice => 'secret', bob => \'octets' }) });
flat('a secret that is refused', 20_000, sub {
    died(sub { PVE::SMBGateway->call('library.methods', {}, secrets => { alice => 'x', bob => [] }) });
});

done_testing();
