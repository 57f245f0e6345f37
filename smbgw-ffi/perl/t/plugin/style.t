#!/usr/bin/perl

# Documentation is complete and in order, and the modules follow the rules of this project.

use strict;
use warnings;

use File::Find qw(find);
use FindBin;
use Pod::Checker ();
use Test::More;

my $perl = "$FindBin::Bin/../..";
my @files = "$perl/bin/smbgw-notify";
find({ no_chdir => 1, wanted => sub { push @files, $_ if m/[.]pm\z/ } }, "$perl/lib/PVE/Storage");
cmp_ok(scalar @files, '>=', 7, 'the files are found');

for my $file (@files) {
    my $said = q{};
    open my $output, '>', \$said or die "$!\n";
    my $checker = Pod::Checker->new(-warnings => 1);
    $checker->parse_from_file($file, $output);
    is($checker->num_errors() + $checker->num_warnings(), 0, "podchecker: $file") or diag($said);
}

# Every function that is not private is described.
for my $file (grep { m/[.]pm\z/ } @files) {
    open my $input, '<', $file or die "$file: $!\n";
    my $text = do { local $/ = undef; <$input> };
    close $input or die "$file: $!\n";
    my ($code, $pod) = split /^__END__$/m, $text, 2;
    my $heads = join "\n", $pod =~ m/^=head2 (.*)/mg;
    my @missing = grep { $heads !~ m/\b\Q$_\E\b/ } $code =~ m/^sub ([a-z]\w*)/mg;
    is_deeply(\@missing, [], "described: $file");
}

SKIP: {
    skip('SKIPPED: Perl::Critic is not installed (libperl-critic-perl)', scalar @files)
        if !eval { require Perl::Critic; 1 };
    my $critic = Perl::Critic->new(-profile => "$perl/.perlcriticrc", -severity => 4);
    for my $file (@files) {
        is(join(q{}, $critic->critique($file)), q{}, "perlcritic: $file");
    }
}

done_testing();
