# usage: load.pl HOW FILE: load it, print something that depends on all of it, stay a while. -HOW: load only.
use strict;
use warnings;
my ($how, $path) = @ARGV;
my $only = $how =~ s/^-//;
open my $f, '<:raw', $path or die "$path: $!";
my $data;
if ($how eq 'slurp') {
    local $/;
    $data = <$f>;
} else {
    sysread $f, $data, -s $path;
}
close $f;
$| = 1;
if ($only) {
    print length $data, "\n";
} else {
    print length $data, ' ', unpack('%32V*', $data), "\n";
    sleep($ENV{STAY} // 1);
}
