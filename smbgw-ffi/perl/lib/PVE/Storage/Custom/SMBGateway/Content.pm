package PVE::Storage::Custom::SMBGateway::Content;

use strict;
use warnings;

use Cwd ();
use Fcntl qw(S_ISDIR S_IMODE);
use File::Path ();

# What the node runs, or believes without a check: disks (a qcow2 can name any file of the host as
# its backing file), containers, hook scripts. Clients must not be able to write there.
my %TRUSTED = map { $_ => 1 } qw(images rootdir snippets);

# What is made for root alone, because it has the secrets of guests or is trusted.
my %CLOSED = (%TRUSTED, backup => 1, import => 1);

# Files that clients may put there are what these are for.
my %OPEN = map { $_ => 1 } qw(iso vztmpl);

sub prepare {
    my ($class, $storeid, $scfg, $may_make) = @_;
    my $content = $scfg->{content} // {};
    my %wanted = map { $_ => 1 } grep { $content->{$_} } _types($class);
    # The disks of containers are where those of machines are, and the host wants a place for their backups.
    @wanted{qw(backup images)} = (1, 1) if $wanted{rootdir};
    my $make = $may_make && ($scfg->{'create-subdirs'} // 1);
    my %owner;
    for my $type (sort keys %wanted) {
        my $dir = _untainted($class->get_subdir($scfg, $type));
        if ($make && !-e $dir) {
            _inside($storeid, $scfg->{path}, _deepest_there_is($dir));
            _make($dir, $type);
        }
        next if !-e $dir;
        my $real = _inside($storeid, $scfg->{path}, $dir);
        if (my $other = $owner{$real}) {
            _die($storeid, "uses directory '$real' for both $other and $type");
        }
        $owner{$real} = $type;
        _check_trusted($storeid, $type, $dir) if $TRUSTED{$type};
    }
    return;
}

sub has_files {
    my ($path) = @_;
    my @dirs = $path;
    while (defined(my $dir = pop @dirs)) {
        # What cannot be looked at may have some.
        opendir my $handle, $dir or return 1;
        my @entries = map {"$dir/$_"} grep { $_ ne q{.} && $_ ne q{..} } readdir $handle;
        closedir $handle;
        return 1 if grep { -l || !-d } @entries;
        push @dirs, @entries;
    }
    return 0;
}

sub remove_empty {
    my ($class, $scfg) = @_;
    my $path = _untainted($scfg->{path});
    return if -l $path;
    for my $type (_types($class)) {
        my $dir = _untainted($class->get_subdir($scfg, $type));
        while (index($dir, "$path/") == 0 && rmdir $dir) {
            $dir =~ s{/[^/]*\z}{};
        }
    }
    return rmdir $path;
}

# Those that this host has directories for.
sub _types {
    my ($class) = @_;
    my $known = $class->get_vtype_subdirs();
    return grep { exists $known->{$_} } keys %CLOSED, keys %OPEN;
}

sub _make {
    my ($dir, $type) = @_;
    File::Path::make_path($dir, { error => \my $errors });
    for my $error (@$errors) {
        my ($where, $why) = %$error;
        die "'" . ($where || $dir) . "' cannot be made: $why\n";
    }
    # The rights that the share hands down would let its users in.
    if ($CLOSED{$type}) {
        chmod oct('700'), $dir or die "the rights of '$dir' cannot be set: $!\n";
    }
    return;
}

sub _deepest_there_is {
    my ($dir) = @_;
    while (!-l $dir && !-e _) {
        $dir =~ s{/+[^/]*\z}{};
    }
    return $dir;
}

# A link would have the node read and write elsewhere.
sub _inside {
    my ($storeid, $path, $dir) = @_;
    my $real  = Cwd::realpath($dir);
    my $share = Cwd::realpath($path);
    if (!defined $real || !defined $share || index("$real/", "$share/") != 0) {
        _die($storeid, "'$dir' leads out of '$path'");
    }
    return $real;
}

sub _check_trusted {
    my ($storeid, $type, $dir) = @_;
    my (undef, undef, $mode, undef, $owner) = lstat $dir or return;
    my $why
        = !S_ISDIR($mode)            ? 'is not a directory'
        : $owner != 0                ? 'does not belong to root'
        : S_IMODE($mode) & oct('022') ? 'can be written by others than root'
        :                              return;
    return _die($storeid, "'$dir' $why, and the node would trust what SMB clients write there; if you"
            . " trust what is in it: `chown root:root '$dir'` and `chmod 700 '$dir'`");
}

sub _untainted {
    my ($path) = @_;
    my ($same) = $path =~ m{\A(/.*)\z}s or die "'$path' is not absolute\n";
    return $same;
}

sub _die {
    my ($storeid, $why) = @_;
    die "unable to activate storage '$storeid' - $why\n";
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::Storage::Custom::SMBGateway::Content - the directories of a share that have the content of a storage

=head1 FUNCTIONS

=head2 prepare

Takes the class of the plugin, the storage's name and settings, and whether directories may be made. Makes
those that are missing, unless C<create-subdirs> is 0: for C<iso> and C<vztmpl> with the rights of the share,
for all else for root alone. Dies where clients can write what the node trusts, or a directory leads out
of the share.

=head2 has_files

Whether there is anything else than directories below a path.

=head2 remove_empty

Removes directories of content, and that of the share, as far as they are empty. Whether the last one is
gone.

=head1 LICENSE

AGPL-3.0-or-later

=cut
