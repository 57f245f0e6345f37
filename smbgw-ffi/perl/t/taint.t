#!/usr/bin/perl -T

# In a program with taint checks, as pvedaemon is one.

use strict;
use warnings;

use FindBin;
use Scalar::Util qw(tainted);
use Test::More;

my $here;
BEGIN { ($here) = $FindBin::Bin =~ m/\A(.*)\z/s }

use lib "$here/lib", "$here/../lib";
use PVE::SMBGateway;
use SMBGateway::Place qw(died tree);

ok(${^TAINT}, 'there are taint checks');

# Whoever starts the program does not choose the library by its environment.
{
    local $ENV{SMBGW_LIBRARY} = '/nonexistent/libsmbgw.so';
    is(PVE::SMBGateway::Library::path(), 'libsmbgw.so.0', 'the environment does not name the library');
}

my $nothing = substr "$0$ENV{PATH}", 0, 0;
ok(tainted($nothing), 'there is something tainted');

SKIP: {
    my $methods = eval { PVE::SMBGateway->library_methods };
    # Where it is not installed, LD_LIBRARY_PATH has to name a folder with libsmbgw.so.0 in it.
    if (!$methods && ref $@ && $@->code eq 'library.missing' && !$ENV{SMBGW_INSIDE}) {
        skip 'libsmbgw.so.0 is not where the system looks', 1;
    }
    is(ref $methods, 'HASH', 'a call') or diag $@;

    my $name = "media$nothing";
    my $root = tree() . $nothing;
    my $error = died(sub { PVE::SMBGateway->share_status(name => $name, root => $root) });
    is($error->code, 'share.not-found', 'tainted arguments are taken');
    ok(!tainted($error->code), 'and what the library says is not tainted');

    # Each argument is checked by the library as what it is.
    for my $bad ('../media', "a\nb", '$(reboot)', q{'; reboot}) {
        $error = died(sub { PVE::SMBGateway->share_create(name => "$bad$nothing", quota => '1G', root => $root) });
        is($error->kind, 'invalid', "a tainted name that is none: $bad");
    }
    $error = died(sub { PVE::SMBGateway->call("share.status$nothing", { "name$nothing" => $name },
            timeout => "5$nothing", secrets => { "a$nothing" => "b$nothing" }) });
    is($error->code, 'share.not-found', 'everything tainted');
}

done_testing();
