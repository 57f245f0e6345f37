package PVE::SMBGateway::Method;

use strict;
use warnings;

use overload ();

use PVE::SMBGateway::Error;

# Which alerts are meant.
my %WHICH = (share => 'text', all => 'boolean', kind => 'text');

# Limits of a user or group.
my %OWNER = (
    share         => 'text',
    owner         => 'text',
    default       => 'boolean',
    hard          => 'text',
    soft          => 'text',
    files         => 'text',
    soft_files    => 'text',
    grace_seconds => 'integer',
);

# What a share is asked for with.
my %SHARE = (
    name         => 'text',
    mode         => 'text',
    path         => 'text',
    quota        => 'text',
    users        => 'texts',
    groups       => 'texts',
    auth         => 'text',
    create_users => 'boolean',
    read_only    => 'boolean',
    guest        => 'boolean',
    min_protocol => 'text',
    encrypt      => 'text',
    comment      => 'text',
    force        => 'boolean',
);

# What a join is asked for with.
my %JOIN = (
    domain        => 'text',
    user          => 'text',
    ou            => 'text',
    computer_name => 'text',
    host_name     => 'text',
    aliases       => 'texts',
    server        => 'text',
    reuse         => 'boolean',
    reset         => 'boolean',
    no_nsswitch   => 'boolean',
    no_dns        => 'boolean',
    no_winbind    => 'boolean',
    addresses     => 'texts',
);

# What a cluster is adopted with.
my %ADOPTION = (
    nodes       => 'texts',
    reach       => 'texts',
    name        => 'text',
    shared      => 'text',
    pools       => 'texts',
    dhcp_ranges => 'texts',
);

# What a cluster is asked for with.
my %CLUSTER = (
    name                   => 'text',
    nodes                  => 'texts',
    reach                  => 'texts',
    shared                 => 'text',
    lock                   => 'text',
    addresses              => 'texts',
    pools                  => 'texts',
    dhcp_ranges            => 'texts',
    failover_within        => 'text',
    tunables               => 'texts',
    leader_timeout_seconds => 'integer',
    script_options         => 'texts',
    no_samba               => 'boolean',
    winbind                => 'boolean',
    keep_databases         => 'boolean',
);

# What a share in a virtual machine is asked for with.
my %GUEST = (
    name             => 'text',
    quota            => 'text',
    comment          => 'text',
    users            => 'texts',
    vmid             => 'integer',
    memory_mib       => 'integer',
    balloon_mib      => 'integer',
    cores            => 'integer',
    template         => 'text',
    linked           => 'boolean',
    storage          => 'text',
    data_storage     => 'text',
    filesystem       => 'text',
    snippets         => 'text',
    bridge           => 'text',
    vlan             => 'integer',
    address          => 'text',
    name_servers     => 'texts',
    ssh_keys         => 'texts',
    starts_with_node => 'boolean',
    highly_available => 'boolean',
);

# The shape of each argument of each method. Perl does not tell a number from a text, and JSON does.
my %TAKES = (
    'ad.check'           => {%JOIN},
    'ad.discover'        => { domain => 'text', server => 'text', site => 'text', all => 'boolean' },
    'ad.join'            => {%JOIN},
    'ad.join.offline'    => { %JOIN, file => 'text' },
    'ad.keytab'          => {},
    'ad.keytab.refresh'  => {},
    'ad.leave'           => { user => 'text', account => 'text' },
    'ad.provision'       => { %JOIN, file => 'text' },
    'ad.recover'         => { user => 'text' },
    'ad.rotate'          => { if_older_than_days => 'integer' },
    'ad.spn.add'         => { names => 'texts', user => 'text' },
    'ad.spn.list'        => {},
    'ad.spn.remove'      => { names => 'texts', user => 'text' },
    'ad.status'          => { share => 'text' },
    'ad.test'            => { domain => 'text', user => 'text', server => 'text' },
    'alert.acknowledge'  => { %WHICH, note => 'text', by => 'text' },
    'alert.list'         => {},
    'alert.silence'      => { %WHICH, note => 'text', by => 'text', until => 'integer' },
    'alert.test'         => { channel => 'text' },
    'alert.unsilence'    => {%WHICH},
    'ha.adopt'           => {%ADOPTION},
    'ha.adopt.check'     => {%ADOPTION},
    'ha.check'           => {%CLUSTER},
    'ha.drain'           => { node => 'text', patience_seconds => 'integer' },
    'ha.events'          => { since => 'integer', until => 'integer', node => 'text', address => 'text', what => 'texts', last => 'integer', here => 'boolean' },
    'ha.move'            => { address => 'text', node => 'text' },
    'ha.node.add'        => { node => 'text', reach => 'text' },
    'ha.node.remove'     => { node => 'text' },
    'ha.plan'            => { without => 'texts', with => 'texts' },
    'ha.probe'           => { addresses => 'texts', pace => 'text' },
    'ha.recover'         => { without => 'texts' },
    'ha.release'         => { holder => 'text', keep_serving => 'boolean' },
    'ha.reserve'         => { holder => 'text', address => 'text', on => 'texts', keep_only => 'boolean' },
    'ha.resume'          => { node => 'text' },
    'ha.setup'           => {%CLUSTER},
    'ha.status'          => { share => 'text', here => 'boolean' },
    'ha.teardown'        => { keep_databases => 'boolean' },
    'ha.test'            => {
        nodes   => 'texts',   address => 'text',    scenario        => 'text',    count => 'integer', share => 'text', user => 'text',
        clients => 'integer', yes     => 'boolean', warm_up_seconds => 'integer',
    },
    'library.methods'    => {},
    'monitor.look'       => {},
    'monitor.status'     => {},
    'quota.check'        => { name => 'text', fix => 'boolean', quick => 'boolean' },
    'quota.group.report' => { share => 'text' },
    'quota.group.set'    => {%OWNER},
    'quota.group.show'   => { share => 'text', owner => 'text' },
    'quota.history'      => { name => 'text', from => 'integer', to => 'integer', resolution => 'text' },
    'quota.set'          => { path => 'text', limit => 'text' },
    'quota.status'       => { name => 'text', exact => 'boolean' },
    'quota.usage'        => { path => 'text' },
    'quota.user.report'  => { share => 'text' },
    'quota.user.set'     => {%OWNER},
    'quota.user.show'    => { share => 'text', owner => 'text' },
    'share.auth'         => { name => 'text', auth => 'text' },
    'share.check'        => {%SHARE},
    'share.create'       => {%SHARE},
    'share.delete'       => { name => 'text', purge => 'boolean', keep_history => 'boolean' },
    'share.list'         => {},
    'share.recover'      => {},
    'share.resize'       => { name => 'text', quota => 'text', force => 'boolean' },
    'share.status'       => { name => 'text' },
    'template.build'     => {
        store  => 'text',  name            => 'text', distro        => 'text', size => 'text', packages => 'texts', tags => 'texts',
        mirror => 'text',  security_mirror => 'text', epoch_seconds => 'integer',
    },
    'template.delete'    => { store => 'text', name => 'text' },
    'template.fetch'     => { store => 'text', name => 'text', from => 'text', checksum => 'text', tags => 'texts' },
    'template.list'      => { store => 'text' },
    'template.show'      => { store => 'text', name => 'text' },
    'template.validate'  => { store => 'text', name => 'text', boot => 'boolean' },
    'vm.check'           => {%GUEST},
    'vm.create'          => {%GUEST},
    'vm.list'            => {},
    'vm.recover'         => {},
    'vm.remove'          => { name => 'text' },
    'vm.resize'          => { name => 'text', quota => 'text', force => 'boolean' },
    'vm.restart'         => { name => 'text', forced => 'boolean' },
    'vm.start'           => { name => 'text' },
    'vm.status'          => { name => 'text' },
    'vm.stop'            => { name => 'text', forced => 'boolean' },
);

my %SHAPE = (
    boolean => \&_boolean,
    integer => \&_integer,
    text    => \&_text,
    texts   => \&_texts,
);

# The numbers that are exact in Perl and in C.
my $WHOLE_NUMBER = qr/\A-?(?:0|[1-9]\d{0,17})\z/a;

sub names {
    my @names = sort keys %TAKES;
    return @names;
}

sub takes {
    my ($method) = @_;
    return $TAKES{$method};
}

sub call {
    my ($method, $class, @given) = @_;
    if (@given % 2) {
        PVE::SMBGateway::Error->throw(
            kind    => 'invalid',
            code    => 'call.arguments',
            message => "the arguments of $method are not pairs of a name and a value",
            hint    => 'call it as a class method: PVE::SMBGateway->share_status(name => "media")',
            method  => $method,
        );
    }
    my %request = @given;
    my ($timeout, $passwords) = delete @request{qw(timeout passwords)};
    my @options = (
        defined $timeout   ? (timeout => $timeout)   : (),
        defined $passwords ? (secrets => $passwords) : (),
    );
    my $takes = $TAKES{$method};
    for my $name (keys %request) {
        if (!defined $request{$name}) {
            delete $request{$name};
        }
        elsif (my $shape = $takes->{$name}) {
            $request{$name} = $SHAPE{$shape}->($request{$name});
        }
        elsif ($name eq 'root') {
            $request{$name} = _text($request{$name});
        }
    }
    return PVE::SMBGateway->call($method, \%request, @options);
}

# What has another shape stays as it is, and the library says what is wrong with it.

sub _boolean {
    my ($given) = @_;
    return $given if ref $given;
    return \1 if $given eq '1';
    return \0 if $given eq '0' || $given eq q{};
    return "$given";
}

sub _integer {
    my ($given) = @_;
    return $given if ref $given;
    return $given =~ $WHOLE_NUMBER ? $given + 0 : "$given";
}

sub _text {
    my ($given) = @_;
    return $given if ref $given && !overload::Method($given, q{""});
    return "$given";
}

sub _texts {
    my ($given) = @_;
    return $given if ref $given ne 'ARRAY';
    return [ map { defined ? _text($_) : undef } @{$given} ];
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::SMBGateway::Method - the methods of the library, with named arguments

=head1 DESCRIPTION

What the modules below PVE::SMBGateway have in common: one table of methods and of the shapes of their
arguments. It makes JSON of Perl values and decides nothing: what is wrong with a value, the library says.

A truth value is C<1>, C<0>, the empty string, or what a JSON module has for one. Any other text is refused,
so that C<< purge => 'no' >> deletes nothing. An argument that is undef counts as not given.

=head1 FUNCTIONS

=head2 names

The names of all methods, sorted.

=head2 takes

A reference to a hash of the arguments of a method and their shapes: C<text>, C<texts>, C<boolean> or
C<integer>. Undef where there is no such method. All methods also take C<root>.

=head2 call

Calls a method, given its name, the class it was called on, and pairs of names and values. C<timeout> and
C<passwords> are not part of the request.

=head1 LICENSE

AGPL-3.0-or-later

=cut
