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

sub share_auth    { my (@given) = @_; return _method('share.auth',    @given) }
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
    my $coder  = $json // _json();
    my $octets = $SIG{__DIE__} ? _unheard(sub { $coder->encode($request) }) : eval { $coder->encode($request) };
    return $octets if defined $octets;
    die $@ if ref $@;
    my ($why) = $@ =~ m/\A(.*?)(?: at \S+ line \d+\.?)?\n?\z/s;
    return _refuse('call.not-a-request', "the request cannot be written as JSON: $why");
}

sub _decoded {
    my ($reply) = @_;
    my $coder   = $json // _json();
    my $decoded = $SIG{__DIE__} ? _unheard(sub { $coder->decode($reply) }) : eval { $coder->decode($reply) };
    return $decoded if defined $decoded;
    return PVE::SMBGateway::Error->throw(
        kind    => 'internal',
        code    => 'library.not-json',
        message => 'the reply of the library is not JSON',
    );
}

# What the code gives, or nothing where it dies, of which the program's handler does not hear. To set a handler
# aside takes as long as the rest, so it is done only where there is one.
sub _unheard {
    my ($code) = @_;
    local $SIG{__DIE__} = 'DEFAULT';
    return eval { $code->() };
}

sub _json {
    _unheard(sub { require JSON; 1 }) or PVE::SMBGateway::Error->throw(
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
    use PVE::SMBGateway::Quota;

    PVE::SMBGateway->share_create(
        name         => 'media',
        quota        => '10G',
        users        => ['alice'],
        create_users => 1,
        passwords    => { alice => $password },
        timeout      => 60,
    );
    my ($share) = @{ PVE::SMBGateway::Quota->status(name => 'media') };
    print "$share->{usage}{bytes} of $share->{usage}{limits}{bytes} bytes\n";

    eval { PVE::SMBGateway->share_delete(name => 'media'); 1 }
        or $@->code eq 'share.not-found'
        or die $@;

=head1 DESCRIPTION

Perl's way to F<libsmbgw.so>. Each method of the library is a class method here, with the same named
arguments. F<docs/abi.md> of the project lists the methods, and F<schema/> has what each takes and returns.
Methods of shares are in this module, the others in L<PVE::SMBGateway::Quota>, L<PVE::SMBGateway::Monitor>,
L<PVE::SMBGateway::Alert>, L<PVE::SMBGateway::AD>, L<PVE::SMBGateway::HA>, L<PVE::SMBGateway::VM> and
L<PVE::SMBGateway::Template>.

=head2 Arguments

Texts, names and replies are Perl character strings. What was read from a file or the command line is decoded
first. Sizes are texts such as C<10G>; a truth value is C<1> or C<0>; an argument that is undef counts as not
given. All methods take C<root>, the directory of an image to work on instead of this machine, and C<timeout>.

=head2 Passwords

C<passwords> is a hash of names and passwords. They never are in a request, a log or an error, and the library
wipes its copy. L<PVE::SMBGateway::Secrets> says how to give one that Perl never sees.

=head2 Errors

What fails dies with a L<PVE::SMBGateway::Error>, which has a code, a message and a hint. C<$@>, C<$!> and C<$?>
are otherwise left as they are.

=head2 Time

C<timeout> is in seconds and may be a fraction; without it there is a minute, and the longest is a day. Perl
runs signal handlers after a call, not during one: C<alarm> does not end a call. Where the program has to be
done by an alarm, the timeout is shorter than that by what undoing may take. Undoing a change that failed has
time of its own.

=head2 Processes

A call leaves nothing behind: no process, no thread, no open file, no signal handler. It can be made before and
after C<fork>, in parent and child, whatever the disposition of C<SIGCHLD>.

=head2 Taint checks

The module works in programs that run with C<-T>. Tainted arguments are taken: the library checks each one as
what it is, starts no shell, and leaves the tree at C<root> by no symbolic link. What it returns is not tainted.
The environment variable C<SMBGW_LIBRARY>, which names another library file, counts for nothing there.

=head2 The library

It is loaded by the first call. Where it is missing or too old, that call dies with an error of the code
C<library.missing> or C<library.too-old>, and the next one looks again.

=head1 METHODS

=head2 call

    my $reply = PVE::SMBGateway->call($method, \%request, timeout => $seconds, secrets => \%passwords);

Calls a method of the library by its name with a request, and returns the reply as Perl data. The types are
JSON's: a truth value is C<\1> or C<\0> (or what a JSON module has for it), and a number is no text.

=head2 version

The version of the library, such as C<0.1.0>.

=head2 library_methods

A hash with C<methods>, a list of hashes with C<name>, C<summary> and C<changes>, whether it may change
something.

=head2 share_create

Makes a share: C<name>, C<quota>, C<path>, C<users>, C<groups>, C<auth>, C<create_users>, C<passwords> (of users that are
made), C<read_only>, C<guest>, C<min_protocol>, C<encrypt>, C<comment>, C<mode>, and C<force>, to make it even
where the directory holds more than the quota.

=head2 share_check

Checks what C<share_create> would check, and changes nothing.

=head2 share_list

The records of all shares.

=head2 share_status

How the share C<name> is: its record, its usage, whether it answers, and what is not as it is meant to be.

=head2 share_resize

Gives the share C<name> the limit C<quota>; C<force> sets one below what it holds.

=head2 share_auth

Has the share C<name> let in those of its users and groups that C<auth> says: those of a C<domain>, the C<local>
ones, or both: C<hybrid>. They all stay the share's.

=head2 share_delete

Takes the share C<name> away. Its data stays, unless C<purge> is given; C<keep_history> sets the history of its
usage apart.

=head2 share_recover

Finishes or undoes what was interrupted.

=head1 SEE ALSO

L<PVE::SMBGateway::Error>, F<docs/perl.md>

=head1 LICENSE

AGPL-3.0-or-later

=cut
