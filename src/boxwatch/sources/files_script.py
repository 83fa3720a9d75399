"""The reader of log files that stays on another machine: a small program on its command line.

It reads a token from its standard input, then a line a question: a number and words, with paths in
hexadecimal:

    g:PATTERN                    say which plain files match
    f:PATH:INODE:OFFSET:MOST     bytes of the file that had this name and has this inode

It answers with lines begun by the token, the last of them `TOKEN > NUMBER`:

    TOKEN s PATH INODE SIZE MTIME    a file that matches
    TOKEN d PATH INODE BYTES         what was read, in hexadecimal; nothing at the end
    TOKEN t PATH INODE SIZE          the file is shorter than OFFSET: it was emptied
    TOKEN x PATH INODE REASON        the file is in its folder under no name, or may not be read

Files of the last question stay open: one that is renamed, packed or deleted is read to its end.
Nothing is written, and the reader ends with its input, or when nobody asks for some minutes.
The programs hold nothing that a login shell reads in another way (see `resident_script`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

QUIET_S: Final = 300

_PERL: Final = r"""
use strict; use File::Glob; my $quiet = shift; my $tok = <STDIN>; chomp $tok; my %held; $| = 1;
sub find { my ($path, $ino) = @_; (my $dir = $path) =~ s/[^\/]*$//; opendir my $d, $dir || ".";
  for my $one ($path, map { $dir . $_ } sort readdir $d) { my @s = stat $one; next unless @s;
    next unless $s[1] == $ino and -f _; open my $in, "<", $one or return (undef, "$^E");
    return $in } (undef, "it is gone") }
while (my $line = <STDIN>) { alarm $quiet; my ($seq, @words) = split " ", $line; my %keep;
  for (@words) { my ($kind, $hex, $ino, $at, $most) = split /:/; my $path = pack "H*", $hex;
    if ($kind eq "g") { for my $one (File::Glob::bsd_glob($path, 0)) { my @s = stat $one;
      printf "%s s %s %s %s %s\n", $tok, unpack("H*", $one), @s[1, 7, 9] if @s and -f _ } next }
    my $key = "$hex:$ino"; my $why = ""; $keep{$key} = 1;
    ($held{$key}, $why) = find($path, $ino) unless $held{$key};
    unless ($held{$key}) { delete $held{$key}; print "$tok x $hex $ino $why\n"; next }
    my $size = (stat $held{$key})[7];
    if ($size < $at) { print "$tok t $hex $ino $size\n"; next }
    sysseek $held{$key}, $at, 0; my $got = ""; sysread $held{$key}, $got, $most;
    print "$tok d $hex $ino ", unpack("H*", $got), "\n" }
  for (keys %held) { delete $held{$_} unless $keep{$_} }
  print "$tok > $seq\n" }
"""

_PYTHON: Final = r"""
import glob, os, signal, stat, sys
quiet = int(sys.argv[2])
def find(path, ino):
    folder = os.path.dirname(path)
    beside = [os.path.join(folder, name) for name in sorted(os.listdir(folder or b"."))]
    for one in [path] + beside:
        try: about = os.stat(one)
        except OSError: continue
        if about.st_ino == ino and stat.S_ISREG(about.st_mode): return os.open(one, os.O_RDONLY)
    raise OSError(0, "it is gone")
token, held = sys.stdin.readline().strip(), {}
def say(*words): sys.stdout.write(" ".join([token] + [str(word) for word in words]) + "\n")
for line in iter(sys.stdin.readline, ""):
    signal.alarm(quiet)
    number, *words = line.split()
    keep = set()
    for word in words:
        kind, code, *rest = word.split(":")
        path = bytes.fromhex(code)
        if kind == "g":
            for one in sorted(glob.glob(path)):
                try: about = os.stat(one)
                except OSError: continue
                if stat.S_ISREG(about.st_mode):
                    say("s", one.hex(), about.st_ino, about.st_size, int(about.st_mtime))
            continue
        ino, at, most = map(int, rest)
        keep.add((code, ino))
        try:
            if (code, ino) not in held: held[code, ino] = find(path, ino)
            size = os.fstat(held[code, ino]).st_size
            if size < at: say("t", code, ino, size)
            else: say("d", code, ino, os.pread(held[code, ino], most, at).hex())
        except OSError as error: say("x", code, ino, error.strerror)
    for key in set(held) - keep: os.close(held.pop(key))
    say(">", number)
    sys.stdout.flush()
"""


def commands(quiet_s: int = QUIET_S) -> Mapping[str, Sequence[str]]:
    """The command lines of the reader by the language it is written in, the most wanted first."""
    perl = " ".join(line.strip() for line in _PERL.strip().splitlines())
    python = _PYTHON.strip().replace("\n", "@@")
    begin = "import sys; exec(sys.argv[1].replace(chr(64) * 2, chr(10)))"
    return {
        "perl": ["perl", "-e", perl, str(quiet_s)],
        "python3": ["python3", "-ISc", begin, python, str(quiet_s)],
    }
