#!/usr/bin/perl

# What happens where the library is missing, too old or not what it should be.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use SMBGateway::Place qw(died in_child);

my $real = $ENV{SMBGW_LIBRARY};

my @warnings;
local $SIG{__WARN__} = sub { push @warnings, @_ };

local $ENV{SMBGW_LIBRARY} = '/nonexistent/libsmbgw.so';
require_ok('PVE::SMBGateway');
require_ok("PVE::SMBGateway::$_") for qw(Error Library Method Secrets);

my $folder = tempdir(CLEANUP => 1);

# Compiles a library of a few functions.
sub library {
    my ($name, $source) = @_;
    my $path = "$folder/$name.so";
    open my $file, '>', "$folder/$name.c" or die "$folder/$name.c: $!\n";
    print {$file} $source;
    close $file or die "$folder/$name.c: $!\n";
    system('gcc', '-shared', '-fPIC', '-o', $path, "$folder/$name.c") == 0 or die "gcc failed\n";
    return $path;
}

sub refused_with {
    my ($path, $code, $saying, $what) = @_;
    local $ENV{SMBGW_LIBRARY} = $path;
    for my $time ('at first', 'again') {
        my @heard;
        local $SIG{__DIE__} = sub { push @heard, @_ };
        my $error = died(sub { PVE::SMBGateway->share_list() });
        is_deeply(\@heard, [$error], "$what, $time: a handler hears of it once");
        isa_ok($error, 'PVE::SMBGateway::Error', "$what, $time");
        is($error->code, $code,         "$what, $time: the code");
        is($error->kind, 'unsupported', "$what, $time: the kind");
        like("$error", $saying, "$what, $time: the text");
        like("$error", qr/\A[^\n]+\n\z/, "$what, $time: one line");
    }
    return;
}

for my $missing (['FFI/Platypus.pm', 'library.no-ffi', 'libffi-platypus-perl'],
    ['JSON.pm', 'library.no-json', 'libjson-perl'])
{
    my ($module, $code, $package) = @{$missing};
    my ($said) = in_child(sub {
        unshift @INC, sub { my (undef, $file) = @_; die "not installed\n" if $file eq $module; return };
        delete $INC{$module};
        local $ENV{SMBGW_LIBRARY} = $real;
        my $error = died(sub { PVE::SMBGateway->share_list(root => $folder) });
        return join "\n", $error->code, $error->hint;
    });
    is($said, "$code\ninstall the package $package", "without $module");
}

refused_with('/nonexistent/libsmbgw.so', 'library.missing',
    qr{/nonexistent/libsmbgw[.]so.*package libsmbgw0}, 'a missing library');

open my $garbage, '>', "$folder/garbage.so" or die "$folder/garbage.so: $!\n";
print {$garbage} "\x7fELF and nothing else\n";
close $garbage or die "$folder/garbage.so: $!\n";
refused_with("$folder/garbage.so", 'library.missing', qr/garbage[.]so/, 'a file that is no library');

refused_with(library(stranger => "int stranger(void) { return 1; }\n"),
    'library.too-old', qr/version 0 of its interface/, 'the library of somebody else');

refused_with(library(old => "unsigned smbgw_abi_version(void) { return 0; }\n"),
    'library.too-old', qr/version 0 of its interface.*version 1 is needed/, 'a library that is too old');

refused_with(library(torn => "unsigned smbgw_abi_version(void) { return 1; }\n"),
    'library.incomplete', qr/lacks .*smbgw_call_with_secrets/, 'a library with functions missing');

SKIP: {
    skip 'SMBGW_LIBRARY names no library', 3 if !defined $real;
    # What was missing is there now: nobody has to start the program again.
    local $ENV{SMBGW_LIBRARY} = $real;
    is(ref eval { PVE::SMBGateway->share_list(root => $folder) }, 'ARRAY', 'a library that came later is used');
    like(PVE::SMBGateway->version, qr/\A\d+[.]\d+[.]\d+\z/, 'its version');
    local $ENV{SMBGW_LIBRARY} = '/nonexistent/libsmbgw.so';
    is(ref eval { PVE::SMBGateway->share_list(root => $folder) }, 'ARRAY', 'and it stays');
}

is_deeply(\@warnings, [], 'nothing warns');

done_testing();
