"""The reader that stays on another machine: a small program, given whole on its command line.

It reads a word (the token) from its standard input, then a line a reading: a number, items, and
after each ` & ` an errand (see `host_reader`). It prints, all lines of its own begun by the token:

    TOKEN < NUMBER WALL MONOTONIC   the reading begins, by the machine's clocks in seconds
    TOKEN = NAME                    the text of an item follows
    TOKEN ~ NAME REASON             an item that could not be read
    TOKEN > NUMBER                  the reading is whole

It writes no file, and ends with its input or after a while without a request, so that a connection
that vanished leaves nothing behind. Perl is preferred, then Python, then awk: measured at one
reading a second on a machine of 128 cores, they take 0.07, 0.06 and 0.05 % of a core and 6, 10 and
2 MB (a shell reading with its builtins: 2.1 %). awk cannot run errands aside, knows
the time only from `date`, asked once a minute, and asks for room twice a minute: it is the last.

The programs hold no newline, single quote, exclamation mark or pair of backslashes: then no login
shell (sh, csh, fish) reads them otherwise than they are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

VARIANTS: Final = ("perl", "python3", "awk")
NOTHING: Final = "There is no perl, python3 or awk here."  # its last words then

_PERL: Final = r"""
use strict; use Time::HiRes qw(clock_gettime CLOCK_REALTIME CLOCK_MONOTONIC);
use Config; my ($arch) = $Config{archname} =~ /^([^-]+)/;
my $call = {x86_64 => 137, aarch64 => 43, riscv64 => 43}->{$arch};
my ($root, $quiet) = @ARGV; my $tok = <STDIN>; chomp $tok; my (%kid, %got);
sub text { my $text = ""; open my $in, "<", $_[0] or return undef;
  while (1) { my $n = sysread $in, $text, 65536, length $text;
    return undef unless defined $n; return $text unless $n } }
sub paths { my $at = "$root/$_[0]";
  map { substr $_, 1 + length $root } $at =~ /[*]/ ? glob $at : $at }
sub room { (my $at = "$root$_[0]") =~ s/\x5c([0-7]{3})/chr oct $1/ge; my $put = "\0" x 256;
  return syscall($call, $at, $put) ? "$^E" : join " ", (unpack "q10", $put)[9, 2, 4, 5, 6] if $call;
  my $pid = open my $in, "-|"; defined $pid or return "";
  unless ($pid) { open STDERR, ">&STDOUT";
    exec "stat", "-f", "-c", "%S %b %a %c %d", "--", $at; kill 9, $$ }
  join "", <$in> }
sub census { my ($all, $dead, $other) = (0, 0, 0); opendir my $dir, "$root/$_[0]" or return "";
  for (readdir $dir) { if (/^[0-9]+$/) { $all++; $dead++ if (text("$root/$_[0]/$_/stat") // "") =~
    /[)] Z [^)]*$/ } elsif (/^[^.]/) { lstat "$root/$_[0]/$_"; $other++ if -d _ } }
  join " ", $all, $dead, $other, (stat "$root/$_[0]")[3] }
sub item { my $item = shift; my ($kind, $arg) = $item =~ /^(.)(.*)/; my $said;
  $said = join "", map { "$_\n" } grep { -e "$root/$_" } paths($arg) if $kind eq "?";
  $said = join "", map { my $to = readlink "$root/$_"; $to =~ s/.*[\/]//; "$_ $to\n" } paths($arg)
    if $kind eq ">";
  $said = (stat "$root/$arg")[3] if $kind eq "^"; $said = census($arg) if $kind eq "#";
  $said = room($arg) if $kind eq "\$"; return "$tok = $item\n$said\n" if defined $said;
  my ($path, $keep) = split /~/, $item, 2; my $out = "";
  for (paths($path)) { my $text = text("$root/$_");
    if (defined $text) { $text = join "", $text =~ /^(?:$keep).*\n/mg if defined $keep;
      $out .= "$tok = $_\n$text\n" } else { $out .= "$tok ~ $_ $^E\n" } } $out }
$| = 1; $/ = "\n";
while (my $line = <STDIN>) { alarm $quiet; chomp $line; my ($seq, $rest) = split " ", $line, 2;
  my ($now, @jobs) = split / & /, " $rest"; my $out = sprintf "%s < %s %.6f %.6f\n", $tok, $seq,
    clock_gettime(CLOCK_REALTIME), clock_gettime(CLOCK_MONOTONIC);
  $out .= item($_) for split " ", $now;
  for my $job (grep { not $kid{$_} } @jobs) { my $pid = open my $pipe, "-|";
    next unless defined $pid; unless ($pid) { close STDIN; print item($_) for split " ", $job;
    close STDOUT; kill 9, $$ } $kid{$job} = $pipe; $got{$job} = "" }
  my $wait = @jobs ? 0.1 : 0;
  for my $job (keys %kid) { my $bits = ""; vec($bits, fileno $kid{$job}, 1) = 1;
    while (1) { select my $ready = $bits, undef, undef, $wait or $wait = 0, last;
      next if sysread $kid{$job}, $got{$job}, 65536, length $got{$job};
      close $kid{$job}; delete $kid{$job}; $out .= delete $got{$job}; last } }
  print "$out$tok > $seq\n" }
kill 9, $$;
"""

_PYTHON: Final = r"""
import glob, os, re, select, signal, sys, time
root, quiet = sys.argv[2], int(sys.argv[3])
def text(path):
    with open(root + "/" + path, "rb", 0) as file:
        return file.read().decode("utf-8", "backslashreplace")
def paths(pattern):
    if "*" not in pattern: return [pattern]
    return [one[len(root) + 1:] for one in sorted(glob.glob(root + "/" + pattern))]
def links(folder): return str(os.stat(root + "/" + folder).st_nlink)
def census(folder):
    everyone = dead = others = 0
    for entry in os.scandir(root + "/" + folder):
        if entry.name.isdigit():
            everyone += 1
            try: dead += text(folder + "/" + entry.name + "/stat").rpartition(")")[2][:3] == " Z "
            except OSError: pass
        else: others += entry.is_dir(follow_symlinks=False)
    return "%d %d %d %s" % (everyone, dead, others, links(folder))
def room(point):
    point = re.sub(r"\x5c([0-7]{3})", lambda found: chr(int(found[1], 8)), point)
    at = os.statvfs(root + point)
    return "%d %d %d %d %d" % (at.f_frsize, at.f_blocks, at.f_bavail, at.f_files, at.f_ffree)
def listed(pattern): return "\n".join(x for x in paths(pattern) if os.path.exists(root + "/" + x))
def led(pattern):
    end = lambda path: os.path.basename(os.path.realpath(root + "/" + path))
    return "\n".join(x + " " + end(x) for x in paths(pattern))
special = {"?": listed, ">": led, "^": links, "#": census, "$": room}
def item(word):
    path, _, keep = word.partition("~")
    jobs = [(word, special[word[0]], word[1:])] if word[0] in special else []
    out = []
    for name, read, arg in jobs or [(one, text, one) for one in paths(path)]:
        try:
            said = read(arg)
            if keep: said = "\n".join(re.findall("(?m)^(?:" + keep + ").*$", said))
            out.append(token + " = " + name + "\n" + said + "\n")
        except OSError as error:
            out.append(token + " ~ " + name + " " + str(error.strerror) + "\n")
    return "".join(out).encode("utf-8", "surrogateescape")
def begin(job):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        try:
            os.close(0)
            with open(theirs, "wb", 0) as pipe: pipe.write(b"".join(map(item, job.split())))
        finally: os._exit(0)
    os.close(theirs)
    return ours
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
token, kids, got = sys.stdin.readline().strip(), {}, {}
for line in iter(sys.stdin.readline, ""):
    signal.alarm(quiet)
    now, *jobs = line.rstrip("\n").split(" & ")
    number, *words = now.split()
    out = [("%s < %s %.6f %.6f\n" % (token, number, time.time(), time.monotonic())).encode()]
    out += map(item, words)
    for job in jobs:
        if job not in kids: kids[job], got[job] = begin(job), []
    wait = 0.1 if jobs else 0
    for job in list(kids):
        while True:
            if not select.select([kids[job]], [], [], wait)[0]:
                wait = 0
                break
            piece = os.read(kids[job], 65536)
            got[job].append(piece)
            if piece: continue
            os.close(kids.pop(job))
            out += got.pop(job)
            break
    sys.stdout.buffer.write(b"".join(out) + (token + " > " + number + "\n").encode())
    sys.stdout.buffer.flush()
os._exit(0)
"""

_AWK: Final = r"""
function piped(command,  all, line) {
  while ((command | getline line) > 0) all = all line "\n";
  close(command); return all }
function word(text) { gsub(/[^A-Za-z0-9_.,:@%+\/*=-]/, "?", text); return text }
function text(name, keep,  file, got, line, all) {
  file = root "/" name;
  while ((got = (getline line < file)) > 0) if (line ~ keep) all = all line "\n";
  close(file); if (got < 0) return tok " ~ " name " it cannot be read\n";
  return tok " = " name "\n" all }
function led(arg) {
  return "cd " top " && for l in " arg "; do test -e $l &&" \
    " echo $l $(basename $(readlink -f $l)); done" }
function census(arg) {
  return "cd " top "/" arg " && cat [0-9]*/stat 2>/dev/null |" \
    " awk " q "{n++} /[)] Z / {z++} END {print n+0, z+0, 0, 0}" q }
function room(arg) {
  if (arg in asked) { if (up - asked[arg] < 30) return told[arg] }
  asked[arg] = up;
  told[arg] = piped("timeout -s KILL 2 stat -f -c " q "%S %b %a %c %d" q " -- " \
    q root arg q " 2>&1");
  return told[arg] }
function item(it,  kind, arg, at, n, i, all, keep, some) {
  kind = substr(it, 1, 1); arg = word(substr(it, 2));
  if (kind == "?") return tok " = " it "\n" piped("cd " top " && ls -d " arg " 2>/dev/null");
  if (kind == ">") return tok " = " it "\n" piped(led(arg));
  if (kind == "#") return tok " = " it "\n" piped(census(arg));
  if (kind == "$") return tok " = " it "\n" room(arg);
  if (kind == "^") return tok " ~ " it " awk does not count links\n";
  at = index(it, "~"); keep = at ? "^(" substr(it, at + 1) ")" : "";
  if (at) it = substr(it, 1, at - 1);
  if (0 == index(it, "*")) return text(it, keep);
  n = split(piped("cd " top " && ls -d " word(it) " 2>/dev/null"), some, "\n");
  for (i = 1; i < n; i++) all = all text(some[i], keep);
  return all }
BEGIN { q = sprintf("%c", 39); top = root == "" ? "/" : root; getline tok;
  while ((getline line) > 0) { n = split(line, words, " "); file = root "/proc/uptime"; up = 0;
    getline uptime < file; close(file); split(uptime, part, " "); up = part[1];
    if (set == "" || up - set > 60 || up < set) { wall = piped("date +%s.%N"); set = up }
    out = sprintf("%s < %s %.6f %.6f\n", tok, words[1], wall + up - set, up);
    for (k = 2; k <= n; k++) if (length(words[k]) > 1) out = out item(words[k]);
    printf "%s%s > %s\n", out, tok, words[1]; fflush() } }
"""

_BOOT: Final = """
LC_ALL=C; export LC_ALL; for one in $6; do case $one in
perl) if perl -MTime::HiRes -e 1 2>/dev/null; then exec perl -e "$1" "$4" "$5" $0; fi;;
python3) if python3 -ISc "" 2>/dev/null; then exec python3 -ISc
 "import sys; exec(sys.argv[1].replace(chr(64) * 2, chr(10)))" "$2" "$4" "$5" $0; fi;;
awk) case $(awk -W version 2>&1 </dev/null) in *mawk*) set -- "$@" -W interactive;; esac;
 if awk "BEGIN {}" 2>/dev/null; then one=$3; root=$4; shift 6;
 exec awk "$@" -v by=$0 -v root="$root" "$one"; fi;;
esac; done; echo "NOTHING" >&2; exit 127
"""


def command(
    root: str = "/", *, quiet_s: int = 300, variants: Sequence[str] = VARIANTS
) -> list[str]:
    """The command line of the reader.

    Args:
        root: Where the machine's /proc and /sys are found.
        quiet_s: It ends after so long without a request (awk: with its input only).
        variants: What it may be written in, the most wanted first.
    """
    python = _PYTHON.strip().replace("\n", "@@")
    texts = [_one_line(_PERL), python, _one_line(_AWK)]
    rest = [root.rstrip("/"), str(quiet_s), " ".join(variants)]
    # The name is passed on, so that who looks at the processes sees whose this one is.
    boot = _one_line(_BOOT).replace("NOTHING", NOTHING)
    return ["/bin/sh", "-c", boot, "boxwatch", *texts, *rest]


def _one_line(text: str) -> str:
    return " ".join(line.strip() for line in text.replace("\\\n", "").strip().splitlines())
