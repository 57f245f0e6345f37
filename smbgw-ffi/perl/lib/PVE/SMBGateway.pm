package PVE::SMBGateway;

use strict;
use warnings;

use PVE::SMBGateway::Error;
use PVE::SMBGateway::Library;
use PVE::SMBGateway::Method;

our $VERSION = '0.1.0';

# As long as the library allows a call to take, in seconds.
my $LONGEST_TIMEOUT = 86_400;

# Made by the first call, so that a missing JSON module is an error of that call.
my $json;

sub call {
    my ($class, $method, $request, @options) = @_;
    # What the caller has in these stays, whatever happens here.
    local ($@, $!, $?) = (q{}, 0, 0);
    my ($timeout_ms, $passwords) = _options(@options);
    my $octets_of_method = _octets_of_method($method);
    my $octets           = _encoded($request // {});
    PVE::SMBGateway::Library::load();
    my $secrets = _handed_over($passwords);
    my ($number, $reply) = PVE::SMBGateway::Library::call($octets_of_method, $octets,
        $secrets ? $secrets->address : undef, $timeout_ms);
    undef $secrets;
    if (!defined $reply) {
        die PVE::SMBGateway::Library::error_of($number, method => $method);
    }
    my $decoded = _decoded($reply);
    if ($number) {
        die PVE::SMBGateway::Error->from_reply($method, $number, $decoded);
    }
    return $decoded;
}

sub version { return PVE::SMBGateway::Library::version() }

sub library_methods { my (@given) = @_; return _method('library.methods', @given) }

sub share_check   { my (@given) = @_; return _method('share.check',   @given) }
sub share_create  { my (@given) = @_; return _method('share.create',  @given) }
sub share_delete  { my (@given) = @_; return _method('share.delete',  @given) }
sub share_list    { my (@given) = @_; return _method('share.list',    @given) }
sub share_recover { my (@given) = @_; return _method('share.recover', @given) }
sub share_resize  { my (@given) = @_; return _method('share.resize',  @given) }
sub share_status  { my (@given) = @_; return _method('share.status',  @given) }

sub _method { my (@given) = @_; return PVE::SMBGateway::Method::call(@given) }

# The time in milliseconds and the passwords.
sub _options {
    my (@options) = @_;
    return 0 if !@options;
    if (@options % 2) {
        _refuse('call.arguments', 'the options of a call are not pairs of a name and a value');
    }
    my %given = @options;
    my ($timeout, $passwords) = delete @given{qw(timeout secrets)};
    if (%given) {
        _refuse('call.arguments', 'a call has no option ' . join ', ', sort keys %given);
    }
    return (_milliseconds($timeout), $passwords);
}

sub _octets_of_method {
    my ($method) = @_;
    if (!defined $method || ref $method || $method =~ m/\0/) {
        _refuse('call.unknown-method', 'a method is named by a text such as share.list');
    }
    utf8::encode($method);
    return $method;
}

sub _encoded {
    my ($request) = @_;
    my $octets = eval {
        local $SIG{__DIE__} = 'DEFAULT';
        _json()->encode($request);
    };
    return $octets if defined $octets;
    die $@ if ref $@;
    my ($why) = $@ =~ m/\A(.*?)(?: at \S+ line \d+\.?)?\n?\z/s;
    return _refuse('call.not-a-request', "the request cannot be written as JSON: $why");
}

sub _decoded {
    my ($reply) = @_;
    my $decoded = eval {
        local $SIG{__DIE__} = 'DEFAULT';
        _json()->decode($reply);
    };
    return $decoded if defined $decoded;
    return PVE::SMBGateway::Error->throw(
        kind    => 'internal',
        code    => 'library.not-json',
        message => 'the reply of the library is not JSON',
    );
}

sub _json {
    return $json if $json;
    eval { require JSON; 1 } or PVE::SMBGateway::Error->throw(
        kind    => 'unsupported',
        code    => 'library.no-json',
        message => 'the Perl module JSON cannot be used',
        hint    => 'install the package libjson-perl',
    );
    $json = JSON->new->utf8;
    return $json;
}

sub _milliseconds {
    my ($seconds) = @_;
    return 0 if !defined $seconds;
    if ($seconds !~ m/\A(?:\d+(?:[.]\d*)?|[.]\d+)\z/ || $seconds <= 0) {
        _refuse('call.timeout', 'the timeout is not a number of seconds above 0');
    }
    $seconds = $LONGEST_TIMEOUT if $seconds > $LONGEST_TIMEOUT;
    my $milliseconds = int($seconds * 1000);
    return $milliseconds > 0 ? $milliseconds : 1;
}

sub _handed_over {
    my ($passwords) = @_;
    return if !defined $passwords;
    require PVE::SMBGateway::Secrets;
    return PVE::SMBGateway::Secrets->new($passwords);
}

sub _refuse {
    my ($code, $message) = @_;
    return PVE::SMBGateway::Error->throw(kind => 'invalid', code => $code, message => $message);
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway - SMB shares with quotas that the kernel enforces

=head1 SYNOPSIS

    use PVE::SMBGateway;

    my $usage = PVE::SMBGateway->call('quota.status', { name => 'media' }, timeout => 5);

=head1 DESCRIPTION

Perl's way to F<libsmbgw.so>. Each call does one thing and leaves nothing behind: no process, no thread, no
open file, no signal handler.

=head1 METHODS

=head2 call

    my $reply = PVE::SMBGateway->call($method, \%request, timeout => $seconds, secrets => \%passwords);

Calls a method of the library by its name with a request, and returns the reply as Perl data. Texts are Perl
character strings. What fails dies with a L<PVE::SMBGateway::Error>.

C<timeout> is in seconds and may be a fraction; without it there is a minute. C<secrets> are passwords by
name; L<PVE::SMBGateway::Secrets> says what a password may be.

The library reads the types strictly: a truth value is C<\1> or C<\0> (or what a JSON module has for it).

=head1 LICENSE

AGPL-3.0-or-later

=cut
