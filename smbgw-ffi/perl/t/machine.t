#!/usr/bin/perl

# Templates and virtual machines from Perl, on a machine that is no node of Proxmox VE.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use PVE::SMBGateway::Template;
use PVE::SMBGateway::VM;
use SMBGateway::Place qw(children descriptors died on_a_host threads);

on_a_host();

my ($templates, $machines) = ('PVE::SMBGateway::Template', 'PVE::SMBGateway::VM');
my ($files, $tasks) = (descriptors(), threads());

my $store = tempdir(CLEANUP => 1);
is_deeply($templates->list(store => $store), { templates => [] }, 'there is no template');
is(died(sub { $templates->show(store => $store, name => 'lab') })->kind, 'not-found', 'so none is shown');
my $wrong = died(sub { $templates->build(store => $store, name => 'a lab', distro => 'hamm', size => 'little') });
is($wrong->kind, 'invalid', 'a template that cannot be meant is refused');
is(scalar @{ $wrong->problems }, 3, 'with all that is wrong') or diag explain $wrong->problems;
is(died(sub { $templates->fetch(store => $store, name => 'lab', from => '/srv/image') })->kind,
    'invalid', 'no image is fetched without a checksum');

is_deeply($machines->list,    { guests => [] }, 'there is no virtual machine');
is_deeply($machines->recover, [], 'and nothing was interrupted');
$wrong = died(sub { $machines->check(name => 'vault', quota => 'lots', address => 'here', cores => 2, users => ['alice']) });
is($wrong->kind, 'invalid', 'a virtual machine that cannot be meant is refused');
is_deeply([ sort map { $_->{field} } @{ $wrong->problems } ], [ 'ip', 'quota' ], 'with all that is wrong');
my @guest = (name => 'vault', quota => '1G', users => ['alice'], passwords => { alice => 'secret' });
my $error = died(sub { $machines->create(@guest) });
is($error->kind, 'unsupported', 'without Proxmox VE, none is made');
ok($error->hint, 'and the error says what to do');
unlike("$error", qr/secret/, 'without the password');

is(descriptors(), $files, 'no file is left open');
is(threads(), $tasks, 'no thread is left');
is(children(), 0, 'no child is left');

done_testing();
