#!/usr/bin/perl

# Messages of the monitor come to the notifications of Proxmox VE, each once.

use strict;
use warnings;
use utf8;

use FindBin;
use JSON::PP;
use Test::More;

use lib "$FindBin::Bin/lib";
use SMBGateway::Node qw(content_of in_child needs_host run_program write_file);

needs_host();

my $FFI     = SMBGateway::Node::stand_in();
my $EVENTS  = '/var/lib/smbgw/events';
my $TOLD    = '/var/lib/pve-notified';
my $JSON    = JSON::PP->new->utf8->canonical;
my @PROGRAM = ($^X, '-w', "$FFI/perl/bin/smbgw-notify");
my $TEMPLATES = '/etc/pve/notification-templates/default';

sub event {
    my (%more) = @_;
    return {
        version  => 1,
        severity => 'warning',
        template => 'smbgw-alert',
        data     => {
            subject => '[smbgw gw] warning: Füller',
            text    => "Füller is 85 % full\n",
            html    => '<p>Füller</p>',
            notice  => { share => 'Füller', id => 'a1', facts => { percent => 85.5, drift => JSON::PP::true } },
        },
        fields => { type => 'smbgw-quota', hostname => 'gw', share => 'Füller', kind => 'space',
            event => 'raised' },
        %more,
    };
}

sub put {
    my ($number, $event) = @_;
    my $name = sprintf '%020d-%s.json', $number, "id$number";
    write_file("$EVENTS/$name", ref $event ? $JSON->encode($event) : $event);
    return $name;
}

sub notify {
    my (@arguments) = @_;
    return run_program(@PROGRAM, @arguments);
}

sub told { return map { $JSON->decode($_) } split /\n/, content_of($TOLD) // q{} }

sub left { return [ map { s{.*/}{}r } grep { -f } glob "$EVENTS/*" ] }

# The templates of the package.
is(notify()->{status}, 0, 'no directory, nothing to do');
put(1, event());
my $ran = notify();
is($ran->{status}, 1, 'without the templates: not handed over');
like($ran->{err}, qr/stays: the template 'smbgw-alert-subject\.txt\.hbs' is missing/, 'without the templates: why');
is_deeply(left(), ['00000000000000000001-id1.json'], 'without the templates: it stays');
for my $file (glob "$FFI/perl/templates/*") {
    write_file("$TEMPLATES/" . $file =~ s{.*/}{}r, content_of($file));
}
for my $part (qw(subject.txt body.txt body.html)) {
    my $field = { subject => 'subject', 'body' => $part =~ m/html/ ? 'html' : 'text' }->{ $part =~ s/[.].*//r };
    like(content_of("$TEMPLATES/smbgw-alert-$part.hbs"), qr/\A\{\{\{$field\}\}\}\n?\z/, "the template $part");
}

is(notify()->{status}, 0, 'handed over');
my ($told) = told();
is_deeply([ @$told{qw(severity template)} ], [qw(warning smbgw-alert)], 'severity and template');
is($told->{data}{subject}, '[smbgw gw] warning: Füller', 'the subject');
is($told->{fields}{share}, 'Füller', 'the fields');
is($told->{data}{notice}{facts}{drift}, 1, 'a truth is a number');
ok(!JSON::PP::is_bool($told->{data}{notice}{facts}{drift}), 'and no object');
is_deeply(left(), [], 'the file is gone');
is(notify()->{status}, 0, 'again: nothing to do');
is(scalar told(), 1, 'and nothing is told twice');

# In the order of time, and what fails stays.
unlink $TOLD;
put($_, event(severity => $_ % 2 ? 'info' : 'error')) for 30, 4, 200;
{
    local $ENV{PVE_STANDIN_FAIL} = 'notify';
    $ran = notify();
    is($ran->{status}, 1, 'nobody can be told');
    like($ran->{err}, qr/stays: could not parse 'notifications\.cfg'$/m, 'nobody can be told: why');
    is(scalar @{ left() }, 3, 'nobody can be told: all stay');
    put($_, event()) for 5 .. 9;
    my @lines = split /\n/, notify()->{err};
    is(scalar @lines, 3, 'nobody can be told: not all are tried');
    unlink map { sprintf '%s/%020d-id%d.json', $EVENTS, $_, $_ } 5 .. 9;
}
is(notify()->{status}, 0, 'told later');
is_deeply([ map { $_->{severity} } told() ], [qw(error error error)], 'all of them');
is_deeply(left(), [], 'none is left');

# What a target does not take is the host's to tell.
put(201, event());
{
    local $ENV{PVE_STANDIN_FAIL} = 'target';
    $ran = notify();
    is($ran->{status}, 0, 'a target that fails: handed over all the same');
    like($ran->{err}, qr/could not notify via target/, 'a target that fails: logged by the host');
    is_deeply(left(), [], 'a target that fails: nothing stays');
}

# What is no event is put aside, and the others go on.
unlink $TOLD;
my %odd = (
    1 => 'garbage',
    2 => q{},
    3 => '[]',
    4 => event(version => 2),
    5 => event(severity => 'loud'),
    6 => event(template => '../../etc/passwd'),
    7 => event(data => 'text'),
    8 => event(fields => undef),
    9 => 'x' x ((1 << 20) + 1),
);
my %name = map { $_ => put($_, $odd{$_}) } keys %odd;
symlink '/etc/passwd', "$EVENTS/" . ($name{10} = sprintf '%020d-link.json', 10);
mkdir "$EVENTS/" . ($name{11} = sprintf '%020d-dir.json', 11);
put(12, event());
write_file("$EVENTS/.00000000000000000013-part.json", 'half');
write_file("$EVENTS/README", 'not an event');
$ran = notify();
is($ran->{status}, 1, 'some could not be read');
is(scalar told(), 1, 'the good one is told');
for my $number (sort { $a <=> $b } keys %name) {
    ok(-l "$EVENTS/unreadable/$name{$number}" || -e _, "$number is put aside");
    like($ran->{err}, qr/'\Q$EVENTS\E\/$name{$number}' is put aside: /, "$number: why");
}
is(content_of("$EVENTS/.00000000000000000013-part.json"), 'half', 'what is being written is left alone');
is(content_of("$EVENTS/README"), 'not an event', 'what has another name, too');
is(notify()->{status}, 0, 'they are not tried again');
put(1000 + $_, 'garbage') for 1 .. 120;
notify();
my @aside = grep { -f } glob "$EVENTS/unreadable/*";
cmp_ok(scalar @aside, '<=', 100, 'not more than a hundred are kept');
ok(-e sprintf('%s/unreadable/%020d-id%d.json', $EVENTS, 1120, 1120), 'the newest of them');

# Two at once.
{
    open my $held, '<', $EVENTS or die "$!\n";
    require Fcntl;
    flock $held, Fcntl::LOCK_EX() or die "$!\n";
    put(14, event());
    $ran = notify();
    is($ran->{status}, 1, 'another one is at it');
    like($ran->{err}, qr/another process/, 'another one is at it: says so');
    close $held or die "$!\n";
}
is(notify()->{status}, 0, 'now it is not');

# Without PVE::Notify.
put(15, event());
{
    local $ENV{PERL5LIB} = "$FFI/perl/lib";
    $ran = notify();
    is($ran->{status}, 69, 'without PVE::Notify: its own status');
    like($ran->{err}, qr/\Asmbgw-notify: PVE::Notify cannot be loaded[^\n]*stays[^\n]*\n\z/,
        'without PVE::Notify: one line that says so');
    is(scalar @{ left() }, 2, 'without PVE::Notify: all stays');
}
is(notify('--nonsense')->{status}, 2, 'an option that is none');
is(notify('word')->{status}, 2, 'an argument');
like(notify('--help')->{out}, qr/EXIT STATUS/, 'the help');

# What the monitor itself writes.
unlink $TOLD;
write_file('/etc/smbgw/monitor.toml', "[event]\n[journal]\nenabled = false\n");
require PVE::SMBGateway;
PVE::SMBGateway->call('alert.test', {});
my @files = grep { m/[.]json\z/ } @{ left() };
is(scalar @files, 2, 'the monitor writes an event, beside the one that was left');
is(notify()->{status}, 0, 'both are handed over');
my ($last) = reverse told();
is($last->{severity}, 'info', 'a test is not bad');
is($last->{fields}{event}, 'test', 'the test') or diag(explain($last));
is($last->{data}{notice}{event}, 'test', 'and what is known of it');

done_testing();
