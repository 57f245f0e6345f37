package PVE::StandIn;

# What a test has set; the real thing has no such module.

use strict;
use warnings;

our ($APIVER, $APIAGE) = ($ENV{PVE_STANDIN_API} // '15/6') =~ m{^(\d+)/(\d+)$}
    or die "PVE_STANDIN_API is not of the form APIVER/APIAGE\n";

1;
