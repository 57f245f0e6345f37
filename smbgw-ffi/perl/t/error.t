#!/usr/bin/perl

# What is wrong with a call is an error with a code, and nothing of the caller's is changed by it.

use strict;
use warnings;

use FindBin;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib";
use PVE::SMBGateway;
use SMBGateway::Place qw(died tree);

my $tree = tree();

my $error = died(sub { PVE::SMBGateway->share_status(name => 'media', root => $tree) });
isa_ok($error, 'PVE::SMBGateway::Error');
is($error->code,    'share.not-found',          'its code');
is($error->kind,    'not-found',                'its kind');
is($error->number,  3,                          'its number');
is($error->method,  'share.status',             'its method');
is($error->message, 'there is no share `media`', 'its message');
like($error->hint, qr/pve-smbgateway list/, 'its hint');
is_deeply($error->problems,    [], 'no problems are listed');
is_deeply($error->left_behind, [], 'nothing is left behind');
is($error->reply->{code}, 'share.not-found', 'the whole reply is there');
is("$error", $error->message . '; ' . $error->hint . "\n", 'as text it ends with a newline');
ok($error ? 1 : 0, 'it is true');
ok($error eq $error->text, 'it compares as text');

$error = died(sub { PVE::SMBGateway->share_create(name => 'a/b', quota => 'lots', root => $tree) });
is($error->code, 'share.refused', 'a wrong request has a code');
is_deeply([ sort map { $_->{field} } @{ $error->problems } ], [qw(name quota user)], 'all problems are listed');

my $left = PVE::SMBGateway::Error->from_reply('share.create', 7, {
    error       => 'needs-attention',
    code        => 'file.failed',
    message     => 'it failed',
    left_behind => [ { what => 'the directory /srv/x', commands => [ 'rmdir /srv/x', 'sync' ] }, { what => 'a lock' } ],
});
is("$left",
    "it failed; left behind: the directory /srv/x, which `rmdir /srv/x` and `sync` cleans up; left behind: a lock\n",
    'what is left is in the text');

# The numbers of kinds are those of the library.
for my $number (1 .. 7, 64 .. 67) {
    my $of_library = PVE::SMBGateway::Library::error_of($number);
    my $of_perl = PVE::SMBGateway::Error->new(kind => $of_library->kind);
    is($of_perl->number, $number, $of_library->kind . ' has its number');
    is($of_library->code, 'call.' . $of_library->kind, 'and a code');
}
is(PVE::SMBGateway::Library::error_of(68)->kind, 'unknown', 'the library has no more of them');

# A machine that is not ready says what was looked at.
$error = died(sub { PVE::SMBGateway->share_create(name => 'media', quota => '1G', guest => 1, root => $tree) });
is($error->code, 'share.preflight-failed', 'a machine that is not ready');
cmp_ok(scalar(grep { $_->{result} eq 'failed' } @{ $error->checks }), '>=', 1, 'the checks that failed are listed')
    or diag explain $error->reply;

# Calls that cannot be made.
my @wrong = (
    [ 'no method'         => [undef],                                    'call.unknown-method' ],
    [ 'another method'    => ['share.fly'],                              'call.unknown-method' ],
    [ 'an empty method'   => [q{}],                                      'call.unknown-method' ],
    [ 'a method as list'  => [ ['share.list'] ],                         'call.unknown-method' ],
    [ 'a NUL in a method' => ["share.list\0.x"],                         'call.unknown-method' ],
    [ 'a text as request' => [ 'share.list', 'x' ],                      'call.not-a-request' ],
    [ 'a list as request' => [ 'share.list', [] ],                       'call.not-a-request' ],
    [ 'code in a request' => [ 'share.list', { root => sub { } } ],      'call.not-a-request' ],
    [ 'a glob'            => [ 'share.list', { root => \*STDIN } ],      'call.not-a-request' ],
    [ 'an object'         => [ 'share.list', { root => $error } ],       'call.not-a-request' ],
    [ 'no number'         => [ 'share.status', { name => 'NaN' + 0 } ],  'call.not-a-request' ],
    [ 'too much'          => [ 'share.status', { name => 'x' x 2_000_000 } ], 'call.too-large' ],
    [ 'timeout of 0'      => [ 'share.list', {}, timeout => 0 ],         'call.timeout' ],
    [ 'timeout below 0'   => [ 'share.list', {}, timeout => -1 ],        'call.timeout' ],
    [ 'timeout as text'   => [ 'share.list', {}, timeout => 'soon' ],    'call.timeout' ],
    [ 'timeout with more' => [ 'share.list', {}, timeout => "1\n" ],     'call.timeout' ],
    [ 'another option'    => [ 'share.list', {}, tiemout => 1 ],         'call.arguments' ],
    [ 'half an option'    => [ 'share.list', {}, 'timeout' ],            'call.arguments' ],
    [ 'secrets as text'   => [ 'share.list', {}, secrets => 'x' ],       'call.arguments' ],
    [ 'secret undef'      => [ 'share.list', {}, secrets => { a => undef } ], 'call.arguments' ],
    [ 'secret as list'    => [ 'share.list', {}, secrets => { a => [] } ],    'call.arguments' ],
    [ 'secret not octets' => [ 'share.list', {}, secrets => { a => \"\x{263a}" } ], 'call.arguments' ],
    [ 'NUL in the name of a secret' => [ 'share.list', {}, secrets => { "a\0" => 'x' } ], 'call.arguments' ],
    [ 'a secret too long' => [ 'share.list', {}, secrets => { a => 'x' x 5000 } ], 'call.too-large' ],
);
my @warnings;
local $SIG{__WARN__} = sub { push @warnings, @_ };
for my $case (@wrong) {
    my ($what, $arguments, $code) = @{$case};
    my $refused = died(sub { PVE::SMBGateway->call(@{$arguments}) });
    isa_ok($refused, 'PVE::SMBGateway::Error', "$what: the error");
    is(ref $refused && $refused->code, $code, "$what: the code");
    like("$refused", qr/[^\n]\n\z/, "$what: it ends with a newline");
}
for my $function (sub { PVE::SMBGateway::share_status(name => 'media') },
    sub { PVE::SMBGateway->share_status('media') })
{
    is(died($function)->code, 'call.arguments', 'called as a function or without names');
}
is_deeply(\@warnings, [], 'nothing warns');

# What a truth value is.
for my $case ([ 'no', 'call.not-a-request' ], [ 2, 'call.not-a-request' ], [ 1, 'share.not-found' ],
    [ q{}, 'share.not-found' ], [ 0, 'share.not-found' ], [ \1, 'share.not-found' ], [ undef, 'share.not-found' ],
    [ !!1, 'share.not-found' ], [ !!0, 'share.not-found' ])
{
    my ($purge, $code) = @{$case};
    my $refused = died(sub { PVE::SMBGateway->share_delete(name => 'x', purge => $purge, root => $tree) });
    is($refused->code, $code, 'purge => ' . ($purge // 'undef'));
}

# Numbers are names too.
like(died(sub { PVE::SMBGateway->share_status(name => 2024, root => $tree) }), qr/`2024`/, 'a number as a text');

# What is the caller's.
{
    local $@ = 'mine';
    local $! = POSIX::ENOTTY();
    local $? = 77;
    PVE::SMBGateway->share_list(root => $tree);
    is_deeply([ $@, $! + 0, $? ], [ 'mine', POSIX::ENOTTY(), 77 ], '$@, $! and $? after a call');
    eval { PVE::SMBGateway->share_status(name => 'x', root => $tree) };
    is_deeply([ $! + 0, $? ], [ POSIX::ENOTTY(), 77 ], '$! and $? after a call that failed');
    is($@->code, 'share.not-found', 'and $@ is the error');
}
{
    my @heard;
    local $SIG{__DIE__} = sub { push @heard, @_ };
    PVE::SMBGateway->share_list(root => $tree);
    is_deeply(\@heard, [], 'a handler of errors hears of none');
    eval { PVE::SMBGateway->call('share.list', { root => sub { } }) };
    is_deeply([ map { ref } @heard ], ['PVE::SMBGateway::Error'], 'and of one that there is once, as an object');
}
{
    local $_ = 'mine';
    local $/ = undef;
    local $, = '-';
    local $\ = '!';
    is(ref PVE::SMBGateway->share_list(root => $tree), 'ARRAY', 'variables of input and output do not matter');
    is($_, 'mine', '$_ after a call');
}

done_testing();
