package PVE::Storage::Custom::SMBGateway::Look;

use strict;
use warnings;

# A disk that does not answer must not hold up the other storages for longer, in seconds.
my $PATIENCE = 3;

# Where it is in the cache of the host, which lives for one pass over all storages.
my $KEY = 'smbgateway';

# A storage that is used for itself needs the usage of one share, a pass that of all. From so many on it is
# a pass.
my $A_FEW = 3;

sub shares {
    my ($cache) = @_;
    $cache //= {};
    return $cache->{$KEY} //= _records();
}

sub share_of {
    my ($storeid, $scfg) = @_;
    return $scfg->{'smbgw-share'} // $storeid;
}

sub find {
    my ($storeid, $scfg, $cache) = @_;
    my $seen  = shares($cache);
    my $share = $seen->{shares}->{ lc share_of($storeid, $scfg) } // return;
    return $share if $share->{looked_at};
    my %one = ++$seen->{looks} < $A_FEW ? (name => $share->{name}) : ();
    my $done = eval {
        local $SIG{__DIE__} = 'DEFAULT';
        for my $usage (@{ PVE::SMBGateway->call('quota.status', \%one, timeout => $PATIENCE) }) {
            my $of = $seen->{shares}->{ lc $usage->{name} } // next;
            @$of{qw(usage problem)} = @$usage{qw(usage problem)};
        }
        1;
    };
    if (!$done) {
        require PVE::Storage::Custom::SMBGateway::Wording;
        $share->{problem} = { message => PVE::Storage::Custom::SMBGateway::Wording::of($@) };
    }
    $_->{looked_at} = 1 for %one ? $share : values %{ $seen->{shares} };
    return $share;
}

sub numbers {
    my ($scfg, $storeid, $cache) = @_;
    my $share = find($storeid, $scfg, $cache) or return;
    my $usage = $share->{usage} or return;
    return if $share->{path} ne ($scfg->{path} // q{}) || !-d $share->{path};
    my ($used, $available) = @$usage{qw(bytes available)};
    # Without a limit in force (which the monitor tells), there is what the file system has.
    my $total = $usage->{limits}->{bytes} // $used + $available;
    return ($total, $available, $used);
}

sub ready {
    my ($storeid, $scfg, $cache) = @_;
    my $path = $scfg->{path} // q{};
    my $seen = shares($cache);
    if (defined $seen->{error}) {
        # Guests have to start without the library, too. A file system that is not mounted shows
        # an empty directory; where there is something, this is what was there before.
        return 0 if _holds_something($path);
        _die($storeid, "the share cannot be looked at: $seen->{error}");
    }
    my $name = share_of($storeid, $scfg);
    my $share = find($storeid, $scfg, $cache);
    if (!$share) {
        require PVE::INotify;
        my $node = PVE::INotify::nodename();
        _die($storeid, "there is no share '$name' on node '$node'; `pvesm set $storeid --nodes NODE`"
                . ' names the node that has it, `pve-smbgateway list` shows the shares');
    }
    if ($share->{path} ne $path) {
        _die($storeid, "the share '$name' is at '$share->{path}', not at '$path'");
    }
    if (!$share->{usage}) {
        my $why = $share->{problem} // {};
        _die($storeid, join '; ', grep { defined } $why->{message} // 'its usage cannot be read',
            $why->{remedy});
    }
    _die($storeid, "'$path' is a symbolic link") if -l $path;
    _die($storeid, "the directory '$path' is missing") if !-d $path;
    return 1;
}

sub _records {
    my %shares;
    my $done = eval {
        local $SIG{__DIE__} = 'DEFAULT';
        require PVE::SMBGateway;
        for my $record (@{ PVE::SMBGateway->call('share.list', {}, timeout => $PATIENCE) }) {
            my ($name, $path) = @{ $record->{spec} }{qw(name path)};
            $shares{ lc $name }
                = { name => $name, path => $path, created_at => $record->{created_at} };
        }
        1;
    };
    return { shares => \%shares } if $done;
    require PVE::Storage::Custom::SMBGateway::Wording;
    return { shares => {}, error => PVE::Storage::Custom::SMBGateway::Wording::of($@) };
}

sub _holds_something {
    my ($path) = @_;
    return if -l $path;
    opendir my $dir, $path or return;
    my @names = grep { $_ ne q{.} && $_ ne q{..} } readdir $dir;
    closedir $dir;
    return scalar @names;
}

sub _die {
    my ($storeid, $why) = @_;
    die "unable to activate storage '$storeid' - $why\n";
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::Storage::Custom::SMBGateway::Look - the shares of this node, as storages see them

=head1 DESCRIPTION

Keeps what it saw in the cache that Proxmox VE has for one pass over all storages: the records of all
shares, which are one call of the library; and usages, one call for each of the first two shares, and from
the third on one for all.

=head1 FUNCTIONS

=head2 shares

Takes the cache. Gives a hash: C<shares>, all shares by their names in lower case, each with C<name>,
C<path> and C<created_at>; and C<error>, why they could not be looked at, if so.

=head2 share_of

The name of the share that belongs to a storage.

=head2 find

The share of a storage, with C<usage> and C<problem> as the library gives them; or nothing.

=head2 numbers

Total, available and used bytes; an empty list where the share is not to be used.

=head2 ready

Dies unless the share can be used. Gives 0 where only its directory could be looked at, because the library
cannot be used, and 1 otherwise.

=head1 LICENSE

AGPL-3.0-or-later

=cut
