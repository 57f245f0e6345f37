package PVE::INotify;

# Stand-in, for tests: the name of this node.

use strict;
use warnings;

use POSIX ();

sub nodename {
    return $ENV{PVE_STANDIN_NODE} if defined $ENV{PVE_STANDIN_NODE};
    my $name = (POSIX::uname())[1];
    $name =~ s/[.].*//;
    return $name;
}

1;
