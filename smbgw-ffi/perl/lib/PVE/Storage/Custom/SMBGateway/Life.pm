package PVE::Storage::Custom::SMBGateway::Life;

use strict;
use warnings;

use PVE::INotify ();
use PVE::Tools   ();

use PVE::Storage::Custom::SMBGateway::Content;
use PVE::Storage::Custom::SMBGateway::Look;
use PVE::Storage::Custom::SMBGateway::Private;
use PVE::Storage::Custom::SMBGateway::Wording;

my $PLUGIN  = 'PVE::Storage::Custom::SMBGateway';
my $PRIVATE = 'PVE::Storage::Custom::SMBGateway::Private';

# A share made later than this after an add had begun is not the one that it was making, in seconds.
my $LONGEST_ADD = 120;

sub add {
    my ($storeid, $scfg, $password, $time) = @_;
    my $node = PVE::INotify::nodename();
    _check_mode($storeid, $scfg);
    _check_path($storeid, $scfg);
    _check_nodes($storeid, $scfg, $node);
    _check_password($storeid, $scfg, $password);
    my $found = _find($storeid, $scfg);
    my $origin = _private($storeid, 'origin');
    if ($found && !_is_of_earlier_add($found, $origin, $node)) {
        _adopt($storeid, $scfg, $found, $node);
    } else {
        my %origin = (
            node      => $node,
            share     => PVE::Storage::Custom::SMBGateway::Look::share_of($storeid, $scfg),
            path      => $scfg->{path},
            made      => \1,
            since     => time,
            directory => _makes_directory($scfg, $origin) ? \1 : \0,
        );
        _make($storeid, $scfg, $password, $time, $found, \%origin);
    }
    # On the other nodes it would be a storage that never works.
    $scfg->{nodes} //= { $node => 1 };
    return;
}

sub update {
    my ($storeid, $scfg, $update, $delete, $sensitive, $time) = @_;
    my %deleted = map { $_ => 1 } @$delete;
    if ($deleted{'smbgw-quota'}) {
        _die($storeid, 'the share keeps a quota; give it another one with --smbgw-quota');
    }
    if (defined $sensitive->{password}) {
        _die($storeid, 'the password of an account that is there is changed with smbpasswd: `smbpasswd '
                . ($scfg->{username} // 'USER') . '`');
    }
    my $quota = $update->{'smbgw-quota'};
    if (defined $quota) {
        _check_node_of_share($storeid, 'changed');
        my $name = PVE::Storage::Custom::SMBGateway::Look::share_of($storeid, $scfg);
        _call($storeid, $time, 'share.resize', { name => $name, quota => $quota });
    }
    _private($storeid, 'forget_password') if exists $sensitive->{password};
    _warn_of_nodes($storeid, $update->{nodes} // {}) if $update->{nodes} || $deleted{nodes};
    return;
}

sub _warn_of_nodes {
    my ($storeid, $nodes) = @_;
    my $origin = _private($storeid, 'origin') or return;
    my $node = $origin->{node};
    if (!%$nodes) {
        warn "storage '$storeid': the share is on node $node alone; `pvesm set $storeid --nodes $node` keeps it"
            . " from being inactive on the others\n";
    } elsif (!$nodes->{$node}) {
        warn "storage '$storeid': the share is on node $node, which is not among its nodes any more\n";
    }
    return;
}

sub remove {
    my ($storeid, $scfg, $time) = @_;
    my $origin = _private($storeid, 'origin');
    if ($origin && $origin->{made}) {
        # This is also how an add is taken back whose activation failed; it is not in the file then.
        my $known = eval { PVE::Storage::config()->{ids} };
        _withdraw($storeid, $scfg, $origin, $time, $known && !$known->{$storeid});
    }
    _forget($storeid);
    return;
}

sub _check_mode {
    my ($storeid, $scfg) = @_;
    my $mode = $scfg->{'smbgw-mode'} // 'native';
    return if $mode eq 'native';
    return _die($storeid, "shares in mode '$mode' cannot be made yet; leave out --smbgw-mode, and the share "
            . 'runs on the node itself');
}

# As for every directory: the host lists files with patterns that other characters would break.
sub _check_path {
    my ($storeid, $scfg) = @_;
    my $path = $scfg->{path};
    return if $path =~ m{\A/[-/[:alnum:]_.@]+\z}a;
    return _die($storeid, "the path '$path' has other characters than letters, digits and '-', '_', '.', '\@'; "
            . 'name another one with --path');
}

sub _check_nodes {
    my ($storeid, $scfg, $node) = @_;
    my $nodes = $scfg->{nodes} // return;
    return if $nodes->{$node};
    my $names = join ', ', sort keys %$nodes;
    return _die($storeid, "the share is made on the node on which the storage is added, and that is "
            . "'$node'; add it on $names");
}

sub _check_password {
    my ($storeid, $scfg, $password) = @_;
    return if !defined $password;
    _die($storeid, 'whose password is this? Name the account with --username')
        if !defined $scfg->{username};
    _die($storeid, 'the password has a line break in it') if $password =~ m/[\r\n]/;
    return;
}

sub _check_node_of_share {
    my ($storeid, $what) = @_;
    my $origin = _private($storeid, 'origin') or return;
    my $node = PVE::INotify::nodename();
    return if $origin->{node} eq $node;
    return _die($storeid, "the share is $what on the node that has it: $origin->{node}");
}

# The share as the library knows it; nothing where there is none.
sub _find {
    my ($storeid, $scfg) = @_;
    my $seen = PVE::Storage::Custom::SMBGateway::Look::shares({});
    _die($storeid, $seen->{error}) if defined $seen->{error};
    my $name = PVE::Storage::Custom::SMBGateway::Look::share_of($storeid, $scfg);
    my $found = $seen->{shares}->{ lc $name } // return;
    return $found if $found->{path} eq $scfg->{path};
    return _die($storeid, "there is a share '$found->{name}' already, at '$found->{path}'; give --path "
            . "'$found->{path}' to use it, or another --smbgw-share");
}

# Whether an add made it that was killed, or could not write storage.cfg: after a storage was removed,
# nothing is kept of it.
sub _is_of_earlier_add {
    my ($found, $origin, $node) = @_;
    return
           $origin
        && $origin->{made}
        && $origin->{node} eq $node
        && lc $origin->{share} eq lc $found->{name}
        && _is_the_one($found, $origin);
}

# Also where the directory is what an earlier add had begun with.
sub _makes_directory {
    my ($scfg, $origin) = @_;
    return 1 if !-e $scfg->{path};
    return $origin && $origin->{made} && $origin->{path} eq $scfg->{path} && $origin->{directory};
}

sub _was_made_then {
    my ($found, $origin) = @_;
    my $after = $found->{created_at} - $origin->{since};
    return $after >= 0 && $after <= $LONGEST_ADD;
}

sub _adopt {
    my ($storeid, $scfg, $found, $node) = @_;
    my @given = grep { defined $scfg->{$_} } sort 'smbgw-quota', 'username', _options_of_share();
    if (@given) {
        my $options = join ' and ', map {"--$_"} @given;
        _die($storeid, "the share '$found->{name}' is there already; leave out $options to use it as it is");
    }
    # One that was there before stays, also where a crash has left word of another one.
    _private($storeid, 'keep_origin',
        { node => $node, share => $found->{name}, path => $found->{path}, made => \0 });
    return;
}

sub _make {
    my ($storeid, $scfg, $password, $time, $found, $origin) = @_;
    _private($storeid, 'keep_password', $password) if defined $password;
    # Before the share, so that nobody has to guess after a crash.
    my $done = eval {
        _private($storeid, 'keep_origin', $origin);
        # What the earlier add was told may be different.
        _call($storeid, $time, 'share.delete', { name => $found->{name} }) if $found;
        _create($storeid, $scfg, $password, $time);
        my $made = _find($storeid, $scfg) // _die($storeid, 'the share is gone again');
        $origin->{created_at} = $made->{created_at};
        _private($storeid, 'keep_origin', $origin);
        1;
    };
    return if $done;
    my $error = $@;
    eval {
        _withdraw($storeid, $scfg, $origin, $time, 1);
        1;
    } or warn $@;
    eval { _forget($storeid); 1 } or warn $@;
    die $error;
}

sub _create {
    my ($storeid, $scfg, $password, $time) = @_;
    my %request = (
        name => PVE::Storage::Custom::SMBGateway::Look::share_of($storeid, $scfg),
        path => $scfg->{path},
    );
    my %field = (
        'comment'      => 'smbgw-comment',
        'encrypt'      => 'smbgw-encrypt',
        'min_protocol' => 'smbgw-min-protocol',
        'quota'        => 'smbgw-quota',
    );
    for my $name (keys %field) {
        $request{$name} = $scfg->{ $field{$name} } if defined $scfg->{ $field{$name} };
    }
    $request{guest}     = \1 if $scfg->{'smbgw-guest'};
    $request{read_only} = \1 if $scfg->{'smbgw-read-only'};
    my @users = PVE::Tools::split_list($scfg->{'smbgw-users'} // q{});
    my $account = $scfg->{username};
    push @users, $account if defined $account && !grep { $_ eq $account } @users;
    $request{users} = \@users if @users;
    my @groups = PVE::Tools::split_list($scfg->{'smbgw-groups'} // q{});
    $request{groups} = \@groups if @groups;
    my %secrets;
    if (defined $password) {
        $request{create_users} = \1;
        $secrets{$account} = $password;
    }
    return _call($storeid, $time, 'share.create', \%request, \%secrets);
}

# Takes away the share that the storage made, and nothing that has data in it. Of an add that failed, the
# accounts go as well.
sub _withdraw {
    my ($storeid, $scfg, $origin, $time, $failed) = @_;
    my $name = $origin->{share};
    my $how  = "`pve-smbgateway delete $name`";
    if ($origin->{node} ne PVE::INotify::nodename()) {
        warn "storage '$storeid': the share '$name' stays on node $origin->{node}; $how there withdraws it\n";
        return;
    }
    my $seen = PVE::Storage::Custom::SMBGateway::Look::shares({});
    if (defined $seen->{error}) {
        warn "storage '$storeid': the share '$name' stays ($seen->{error}); $how withdraws it later\n";
        return;
    }
    my $found = $seen->{shares}->{ lc $name };
    if ($found && _is_the_one($found, $origin)) {
        my %request = (name => $found->{name});
        # What was there before the share is kept in any case.
        my $is_empty = !PVE::Storage::Custom::SMBGateway::Content::has_files($found->{path});
        $request{purge} = \1 if $failed && ($is_empty || !_truth($origin->{directory}));
        _call($storeid, $time, 'share.delete', \%request);
    } elsif ($found) {
        warn "storage '$storeid': the share '$name' was made anew since, and stays\n";
        return;
    }
    if (_truth($origin->{directory})) {
        PVE::Storage::Custom::SMBGateway::Content::remove_empty($PLUGIN,
            { %$scfg, path => $origin->{path} });
    }
    return;
}

sub _is_the_one {
    my ($found, $origin) = @_;
    return if $found->{path} ne $origin->{path};
    return $found->{created_at} == $origin->{created_at} if defined $origin->{created_at};
    return _was_made_then($found, $origin);
}

# A truth of JSON: an object when it was read, a reference when it is about to be written.
sub _truth {
    my ($value) = @_;
    return ref $value eq 'SCALAR' ? $$value : $value ? 1 : 0;
}

sub _forget {
    my ($storeid) = @_;
    _private($storeid, 'forget_password');
    _private($storeid, 'forget_origin');
    return;
}

sub _options_of_share {
    return qw(smbgw-comment smbgw-encrypt smbgw-groups smbgw-guest smbgw-min-protocol smbgw-read-only
        smbgw-users);
}

sub _call {
    my ($storeid, $time, $method, $request, $secrets) = @_;
    my @more = %{ $secrets // {} } ? (secrets => $secrets) : ();
    my $reply;
    my $done = eval {
        local $SIG{__DIE__} = 'DEFAULT';
        require PVE::SMBGateway;
        $reply = PVE::SMBGateway->call($method, $request, timeout => $time, @more);
        1;
    };
    return $reply if $done;
    return _die($storeid, PVE::Storage::Custom::SMBGateway::Wording::of($@));
}

sub _private {
    my ($storeid, $function, @more) = @_;
    my $found;
    my $done = eval { $found = $PRIVATE->can($function)->($storeid, @more); 1 };
    return $found if $done;
    return _die($storeid, $@);
}

sub _die {
    my ($storeid, $why) = @_;
    $why =~ s/\s+\z//;
    die "storage '$storeid': $why\n";
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::Storage::Custom::SMBGateway::Life - adds, changes and removes the share of a storage

=head1 DESCRIPTION

These run under the lock of storage.cfg, so none may take long. All die with a text that names the storage
and says what to do, and then nothing is left of what they began.

=head1 FUNCTIONS

=head2 add

Takes the storage's name, its settings, the password or undef, and the seconds there are. Makes the share,
or takes the one that is there with the same name and path. Before that it writes down that it does, so
that after a crash the next C<add> finds what it had made. Restricts the storage to this node, where no
nodes are given.

=head2 update

Takes the storage's name, its settings, those that change, the names of those that go, the secrets and the
seconds there are. Gives the share another quota. Warns where the storage leaves the node of its share.

=head2 remove

Takes the storage's name, its settings and the seconds there are. Withdraws the share, if C<add> made it,
and removes its directory, if that was made too and is empty. Warns where the share cannot be reached from
here, and stays.

=head1 LICENSE

AGPL-3.0-or-later

=cut
