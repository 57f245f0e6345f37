package PVE::Storage::Custom::SMBGateway::Events;

use strict;
use warnings;

use Errno qw(EEXIST);
use Fcntl qw(:flock :mode);
use JSON ();

our $DIRECTORY = '/var/lib/smbgw/events';

# More than the monitor ever keeps; whatever else is there waits for the next run.
my $MOST_AT_ONCE = 2_000;

# A message is some kilobytes.
my $LARGEST = 1 << 20;

# How many that cannot be read are kept for who wants to know why.
my $MOST_KEPT = 100;

# After so many in a row, the rest would fail too.
my $MOST_FAILURES = 3;

my %SEVERITY = map { $_ => 1 } qw(info notice warning error);

sub hand_over {
    my ($directory, $notify, $say) = @_;
    my %done = (handed_over => 0, failed => 0, unreadable => 0);
    return \%done if !-d $directory;
    my $lock = _lock($directory);
    my $failures = 0;
    for my $name (_names($directory)) {
        my $event = eval { _read("$directory/$name") };
        if (!$event) {
            chomp(my $why = $@);
            $say->("'$directory/$name' is put aside: $why");
            _put_aside($directory, $name);
            $done{unreadable}++;
            next;
        }
        if (!eval { $notify->(@$event); 1 }) {
            $say->("'$directory/$name' stays: " . _text($@));
            $done{failed}++;
            last if ++$failures == $MOST_FAILURES;
            next;
        }
        $failures = 0;
        unlink "$directory/$name" or die "'$directory/$name' was handed over and cannot be removed: $!\n";
        $done{handed_over}++;
    }
    close $lock or die "'$directory' cannot be closed: $!\n";
    return \%done;
}

# The library behind PVE::Notify dies with a hash.
sub _text {
    my ($error) = @_;
    my $text = ref $error eq 'HASH' ? $error->{message} // 'for no reason that is said' : "$error";
    $text =~ s/\s+\z//;
    return $text;
}

# One at a time, so that nothing is told twice. A directory can be locked without a file more.
sub _lock {
    my ($directory) = @_;
    open my $lock, '<', $directory or die "'$directory' cannot be opened: $!\n";
    flock $lock, LOCK_EX | LOCK_NB or die "another process hands over what is in '$directory'\n";
    return $lock;
}

# Those that the monitor has finished, the oldest first.
sub _names {
    my ($directory) = @_;
    opendir my $handle, $directory or die "'$directory' cannot be read: $!\n";
    my @names = sort map { m/\A(\d{20}-[[:alnum:]]+[.]json)\z/ } readdir $handle;
    closedir $handle;
    splice @names, $MOST_AT_ONCE if @names > $MOST_AT_ONCE;
    return @names;
}

# What PVE::Notify::notify takes.
sub _read {
    my ($file) = @_;
    my (undef, undef, $mode, undef, $owner, undef, undef, $size) = lstat $file or die "$!\n";
    die "it is not a file\n"                if !S_ISREG($mode);
    die "it does not belong to root\n"      if $owner != $<;
    die "it is larger than $LARGEST bytes\n" if $size > $LARGEST;
    my $event = JSON->new->utf8->decode(_content($file));
    die "it is not an event\n" if ref $event ne 'HASH';
    my ($version, $severity, $template) = @$event{qw(version severity template)};
    die "its version is not 1\n" if !defined $version || $version ne '1';
    die "its severity is none\n" if !defined $severity || !$SEVERITY{$severity};
    # It becomes the name of a file.
    die "its template is none\n" if !defined $template || $template !~ m/\Asmbgw-[a-z-]+\z/;
    for my $part (qw(data fields)) {
        die "it has no $part\n" if ref $event->{$part} ne 'HASH';
    }
    my %fields = map { $_ => "$event->{fields}{$_}" } keys %{ $event->{fields} };
    return [ $severity, $template, _plain($event->{data}), \%fields ];
}

sub _content {
    my ($file) = @_;
    open my $handle, '<:raw', $file or die "$!\n";
    local $/ = undef;
    my $content = <$handle>;
    close $handle or die "$!\n";
    return $content;
}

# The library behind PVE::Notify takes no objects, and truths of JSON are objects.
sub _plain {
    my ($value) = @_;
    my $kind = ref $value or return $value;
    return { map { $_ => _plain($value->{$_}) } keys %$value } if $kind eq 'HASH';
    return [ map { _plain($_) } @$value ] if $kind eq 'ARRAY';
    return $value ? 1 : 0;
}

sub _put_aside {
    my ($directory, $name) = @_;
    my $aside = "$directory/unreadable";
    mkdir $aside, oct '700' or $! == EEXIST or die "'$aside' cannot be made: $!\n";
    rename "$directory/$name", "$aside/$name" or die "'$directory/$name' cannot be put aside: $!\n";
    # A directory with such a name is not the monitor's.
    my @names = grep { -l "$aside/$_" || !-d _ } _names($aside);
    my $surplus = @names - $MOST_KEPT;
    return if $surplus <= 0;
    splice @names, $surplus;
    unlink map {"$aside/$_"} @names;
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

PVE::Storage::Custom::SMBGateway::Events - messages of the monitor for the notifications of Proxmox VE

=head1 DESCRIPTION

The monitor writes each message for Proxmox VE into a file of its own, as a whole, in
F</var/lib/smbgw/events> (C<$DIRECTORY>). Who hands it over removes it.

=head1 FUNCTIONS

=head2 hand_over

Takes the directory, a function that is called with severity, name of the template, data and fields as
C<PVE::Notify::notify>, and a function that is told what goes wrong, as a text.

A file is removed once the function has returned. Where that dies, the file stays, and after three in a
row the rest is left for another time. What cannot be read is moved to F<unreadable> below the directory,
where the newest 100 are kept. Only one process does this at a time; the others die. Should the machine
stop between the two, that one message comes twice.

Gives a hash with the numbers C<handed_over>, C<failed> and C<unreadable>. A directory that is not there is
one without files.

=head1 LICENSE

AGPL-3.0-or-later

=cut
