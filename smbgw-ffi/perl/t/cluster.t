#!/usr/bin/perl

# A real cluster of two nodes from Perl, on one of them.

use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use PVE::SMBGateway::HA;
use SMBGateway::Place qw(children descriptors died on_a_host threads);

on_a_host();

my $ha = 'PVE::SMBGateway::HA';
my ($files, $tasks) = (descriptors(), threads());

is(died(sub { $ha->events })->code, 'ha.no-cluster', 'nothing is known of the cluster');
is(died(sub { $ha->plan(without => ['n1']) })->kind, 'not-found', 'so nothing is planned');
my $status = $ha->status;
is(scalar @{ $status->{nodes} }, 2, 'but its ctdbd tells of its nodes');
is($status->{name}, undef, 'and not of its name');
is(scalar(grep { $_->{code} eq 'ha.node-unhealthy' } @{ $status->{findings} }), 0, 'which are healthy')
    or diag explain $status->{findings};
is(died(sub { $ha->status(share => 'media') })->code, 'share.not-found', 'there is no such share');

my $probe = $ha->probe(addresses => [ '10.99.0.99/24%eth0', '10.99.0.32/24' ], pace => 'quick');
is_deeply([ map { $_->{verdict}{is} } @{ $probe->{probes} } ], [ 'free', 'held' ], 'the other node is heard');
is(died(sub { $ha->probe(addresses => ['10.99.0.99']) })->problems->[0]{code},
    'ha.address-malformed', 'an address without its prefix is refused');
is_deeply($ha->events(here => 1)->{events}, [], 'nothing happened so far');

my $wrong = died(sub { $ha->setup(nodes => ['n_0=x'], shared => '/srv/shared', tunables => ['a']) });
is($wrong->kind, 'invalid', 'a cluster that cannot be meant is refused');
is(scalar @{ $wrong->problems }, 2, 'with all that is wrong');
my @cluster = (nodes => ['n0=10.99.0.31'], shared => '/srv/shared');
is(died(sub { $ha->$_(@cluster, timeout => 120) })->kind, 'conflict', "$_ finds that there is one") for qw(check setup);
is_deeply($ha->recover, { change => undef, drill => undef }, 'nothing was interrupted');

is(descriptors(), $files, 'no file is left open');
is(threads(), $tasks, 'no thread is left');
is(children(), 0, 'no child is left');

done_testing();
