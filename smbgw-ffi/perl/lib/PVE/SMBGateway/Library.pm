package PVE::SMBGateway::Library;

use strict;
use warnings;

use PVE::SMBGateway::Error;

# The oldest version of the C interface that has all that is used here.
my $NEEDED_ABI = 1;

my $SONAME = 'libsmbgw.so.0';

# The C functions, each with its name here, what it takes and what it gives.
my @FUNCTIONS = (
    [ smbgw_version           => '_version',       [] => 'string' ],
    [ smbgw_error_name        => '_error_name',    ['int'] => 'string' ],
    [ smbgw_error_message     => '_error_message', ['int'] => 'string' ],
    [ smbgw_call_with_secrets => '_call', [ 'string', 'string', 'opaque', 'uint64', 'opaque*' ] => 'int' ],
    [ smbgw_string_free       => '_string_free', ['opaque'] => 'void' ],
    [ smbgw_secrets_new       => '_secrets_new', ['opaque*'] => 'int' ],
    [ smbgw_secrets_add       => '_secrets_add', [ 'opaque', 'string', 'string', 'size_t' ] => 'int' ],
    [ smbgw_secrets_add_fd    => '_secrets_add_fd', [ 'opaque', 'string', 'int' ] => 'int' ],
    [ smbgw_secrets_free      => '_secrets_free', ['opaque'] => 'void' ],
);

# Whether the functions above are there to be called.
my $attached;

sub load {
    return if $attached;
    my $error;
    {
        # A handler of the program's hears of the error once, below, and of nothing that leads to it.
        local $SIG{__DIE__} = 'DEFAULT';
        local $@ = q{};
        $error = $@ if !eval { _load(); 1 };
    }
    die $error if defined $error;
    $attached = 1;
    return;
}

sub path {
    # Who runs a program with more rights than he has does not choose the code that it loads.
    my $chosen = ${^TAINT} ? undef : $ENV{SMBGW_LIBRARY};
    return defined $chosen && length $chosen ? $chosen : $SONAME;
}

sub version {
    load();
    return _version();
}

sub call {
    my ($method, $request, $secrets, $timeout_ms) = @_;
    my $address;
    my $number = _call($method, $request, $secrets, $timeout_ms, \$address);
    my $reply;
    if (defined $address) {
        $reply = _text_at($address);
        _string_free($address);
    }
    return ($number, $reply);
}

sub error_of {
    my ($number, %fields) = @_;
    my $name = _error_name($number);
    return PVE::SMBGateway::Error->new(
        kind    => $name,
        number  => $number,
        code    => "call.$name",
        message => _error_message($number),
        %fields
    );
}

sub secrets_new {
    load();
    my $address;
    my $number = _secrets_new(\$address);
    die error_of($number) if $number;
    return $address;
}

sub secrets_add {
    my ($secrets, $name, $octets) = @_;
    return _secrets_add($secrets, $name, ${$octets}, length ${$octets});
}

sub secrets_add_fd {
    my ($secrets, $name, $descriptor) = @_;
    return _secrets_add_fd($secrets, $name, $descriptor);
}

sub secrets_free {
    my ($secrets) = @_;
    _secrets_free($secrets);
    return;
}

sub _load {
    eval { require FFI::Platypus; require FFI::Platypus::DL; 1 }
        or _unusable(
        code    => 'library.no-ffi',
        message => 'the Perl module FFI::Platypus cannot be used: ' . _first_line($@),
        hint    => 'install the package libffi-platypus-perl',
        );
    my $path   = path();
    my $handle = FFI::Platypus::DL::dlopen($path, FFI::Platypus::DL::RTLD_PLATYPUS_DEFAULT());
    if (!defined $handle) {
        my $why = FFI::Platypus::DL::dlerror() // 'for a reason that is not known';
        _unusable(
            code    => 'library.missing',
            message => "the library $path cannot be loaded: " . _first_line($why),
            hint    => 'install the package libsmbgw0',
        );
    }
    return if eval { _attach($path, $handle); 1 };
    my $error = $@;
    FFI::Platypus::DL::dlclose($handle);
    die $error if ref $error;
    return _unusable(
        code    => 'library.failed',
        message => "the library $path cannot be used: " . _first_line($error),
    );
}

sub _attach {
    my ($path, $handle) = @_;
    my $ffi = FFI::Platypus->new(api => 2);
    my $version_at = FFI::Platypus::DL::dlsym($handle, 'smbgw_abi_version');
    my $version = defined $version_at ? $ffi->function($version_at => [] => 'uint32')->call : 0;
    if ($version < $NEEDED_ABI) {
        _unusable(
            code    => 'library.too-old',
            message => "the library $path has version $version of its interface, "
                . "and version $NEEDED_ABI is needed",
            hint => 'bring the packages libsmbgw0 and libsmbgw-perl to the same version',
        );
    }
    my %at = map { $_->[0] => scalar FFI::Platypus::DL::dlsym($handle, $_->[0]) } @FUNCTIONS;
    my @missing = grep { !defined $at{$_} } map { $_->[0] } @FUNCTIONS;
    if (@missing) {
        _unusable(
            code    => 'library.incomplete',
            message => "the library $path lacks @missing",
            hint    => 'install the package libsmbgw0 again',
        );
    }
    for my $function (@FUNCTIONS) {
        my ($symbol, $name, $takes, $gives) = @{$function};
        $ffi->attach([ $at{$symbol} => $name ] => $takes => $gives);
    }
    $ffi->attach_cast('_text_at', 'opaque', 'string');
    return;
}

sub _unusable {
    my (%fields) = @_;
    return PVE::SMBGateway::Error->throw(kind => 'unsupported', %fields);
}

sub _first_line {
    my ($text) = @_;
    my ($line) = $text =~ m/\A([^\n]*)/;
    return $line;
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Library - libsmbgw.so, as PVE::SMBGateway calls it

=head1 DESCRIPTION

The boundary between Perl and the C interface. Programs use L<PVE::SMBGateway>. All texts here are octets
of UTF-8, and nothing is checked that the library checks itself.

The library is loaded by the first call, never by loading this module. It is F<libsmbgw.so.0> from where
the system has its libraries, or the file that the environment variable C<SMBGW_LIBRARY> names; the
variable counts for nothing in a program that runs with taint checks (C<-T>).

A library that cannot be loaded is looked for again by the next call.

=head1 FUNCTIONS

=head2 load

Loads the library, if that was not done yet. Dies with a L<PVE::SMBGateway::Error> of the code
C<library.no-ffi> where FFI::Platypus is missing, C<library.missing> where the library is,
C<library.too-old> where its interface is older than what is used here, and C<library.incomplete> where it
lacks a function.

=head2 path

The file that is loaded, or its bare name where the system looks for it.

=head2 version

The version of the library.

=head2 call

Calls a method by its name, its request as JSON, the address of its secrets or undef, and the time there is
in milliseconds, where 0 is the library's default. Returns the number that the library returned and the
reply, which is undef where there is none. The library is loaded already.

=head2 error_of

A L<PVE::SMBGateway::Error> for a number that the library returned without a reply.

=head2 secrets_new

Makes an empty set of secrets and returns its address.

=head2 secrets_add

Adds a secret to a set by the name and a reference to its octets, of which no copy is made in Perl. Returns
the library's number.

=head2 secrets_add_fd

Adds what can be read from a file descriptor to a set by the name. Returns the library's number.

=head2 secrets_free

Wipes and frees a set.

=head1 LICENSE

AGPL-3.0-or-later

=cut
