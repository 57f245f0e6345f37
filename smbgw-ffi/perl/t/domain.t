#!/usr/bin/perl

# A membership of a real domain from Perl.

use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use PVE::SMBGateway::AD;
use PVE::SMBGateway::Deprecated;
use SMBGateway::Place qw(children descriptors died on_a_host threads);

on_a_host();

my $ad = 'PVE::SMBGateway::AD';
my ($domain, $user, $password) = ('ad.test', 'Administrator', 'Passw0rd.1');
my @login = (user => $user, passwords => { $user => $password });
my ($files, $tasks) = (descriptors(), threads());

is($ad->status->{state}, 'not-joined', 'it is in no domain');
my $found = $ad->discover(domain => $domain);
is($found->{controller}{host}, 'dc.ad.test', 'the domain is found');
is(died(sub { $ad->discover(domain => 'nowhere.test') })->code, 'ad.domain-unknown', 'another one is not');
my ($failed) = grep { $_->{result} eq 'fail' } @{ $ad->test(domain => $domain, @login)->{checks} };
is($failed, undef, 'nothing is wrong with it') or diag explain $failed;

my $checked = $ad->check(domain => $domain, @login);
cmp_ok(scalar @{ $checked->{steps} }, '>', 5, 'it can be joined');
for my $case ([ 'without a password', {}, 'call.no-secret' ], [ 'with a wrong one', { $user => 'not it' }, 'ad.password-wrong' ]) {
    my ($what, $passwords, $code) = @{$case};
    my $error = died(sub { $ad->join(domain => $domain, user => $user, passwords => $passwords) });
    is($error->problems->[0]{code}, $code, "$what it is not joined");
    unlike("$error", qr/not it/, 'and the password is not told');
}
is($ad->status->{state}, 'not-joined', 'nothing was touched');

{
    no warnings 'deprecated';
    my $joined = PVE::SMBGateway::Deprecated::_join_ad_domain($domain, $user, $password, 'CN=Computers,DC=ad,DC=test');
    is($joined->{outcome}, 'done', 'it is joined by the name of earlier days');
}
is(died(sub { $ad->join(domain => $domain, @login) })->kind, 'conflict', 'but not twice');
my $status = $ad->status;
is($status->{state}, 'good', 'all is well') or diag explain $status->{findings};
is($status->{member}{computer}, 'PERL1', 'as this machine');

$ad->spn_add(names => [ 'shop', 'cifs/store.ad.test' ], @login);
# Case says nothing in such names.
my %services = map { lc $_->{name} => $_->{in_keytab} } @{ $ad->spn_list };
ok($services{"cifs/$_"}, "there are keys for $_") for qw(perl1.ad.test shop store.ad.test);
$ad->spn_remove(names => ['shop'], @login);
is_deeply([ grep { $_->{name} =~ m{/shop\b}i } @{ $ad->spn_list } ], [], 'a name is taken away');
my $keytab = $ad->keytab;
is($keytab->{file}, '/etc/krb5.keytab', 'the keytab is told');
is($ad->keytab_refresh->{change}, 'unchanged', 'and has nothing to be added');

is($ad->rotate(if_older_than_days => 25)->{result}, 'not-due', 'the password is young');
my $rotated = $ad->rotate;
is($rotated->{result}, 'rotated', 'and is changed all the same');
is($ad->status->{member}{keytab}{kvno}, $rotated->{key_version}, 'with its keys');
is_deeply($ad->recover(@login), [], 'nothing was interrupted');

is(died(sub { $ad->leave })->kind, 'invalid', 'it is not left by nobody');
is($ad->leave(account => 'delete', @login)->{outcome}, 'done', 'it is left');
is(died(sub { $ad->rotate })->code, 'ad.not-joined', 'and has no password any more');
is($ad->rotate(if_older_than_days => 25)->{result}, 'not-joined', 'which a timer does not mind');

# One machine makes a file, with which another one joins; here that is the same one by another name.
my $blob = '/srv/perl2.blob';
is($ad->provision(domain => $domain, computer_name => 'perl2', file => $blob, @login)->{outcome}, 'done', 'a file is made');
is($ad->join_offline(file => $blob)->{outcome}, 'done', 'and joined with');
is($ad->leave(account => 'delete', @login)->{outcome}, 'done', 'and it is left again');

is(descriptors(), $files, 'no file is left open');
is(threads(), $tasks, 'no thread is left');
is(children(), 0, 'no child is left');

done_testing();
