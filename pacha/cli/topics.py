"""What `pacha help TOPIC` says."""

EXIT_CODES = """\
Exit codes

    0  it worked
    1  the answer is no: it differs, nothing to commit, a rule refuses
    2  the command line is wrong
    3  not found; or the bytes are not here
    4  conflict, or ambiguous
    5  corrupt or tampered
    6  not trusted
    7  another process is at work
    8  a remote failed
    9  not supported, or a newer format
   10  the machine said no: disk full, permission, input or output error
   70  a bug in Pacha
  130  interrupted

`status`, `diff` and `search` are 0 whatever they find; `diff --exit-code` is 1 where something differs, and
`search --exit-code` where nothing is found. `verify` is 3 where bytes are not here and 5 where they are not what was
committed. `fsck` is 5 where anything is lost or wrong. `resolve` without --keep is 4 while something is unsettled.
"""

REFERENCES = """\
References

  [kind/]name[:selector][@b3:hex][~N | ^role]...[/path/in/artifact]
  type:hex                     an object, by at least 8 digits
  path                         a path of the work tree that an artifact lives at; ./path is always a path

  selector: a version (1.2.0), the beginning of one (1.2 is the highest 1.2.x), latest, head, or a stage
            (development, staging, production, archived, yanked, or those of `[stages]` in config.toml).
            A yanked version is passed by, except by its whole name
  @b3:hex   pins the manifest or its digest, and is always checked; so is @sha256:hex, of one file's bytes
  ~N        N steps back along `previous`;  ^role  the parent in that role

A bare name is `latest` for show, cat and verify, `head` elsewhere; where the two differ, stderr says which was taken.
"""

ENVIRONMENT = """\
Environment

  PACHA_DIR              the .pacha folder, instead of the nearest one above
  PACHA_HOME             this user's configuration folder, instead of ~/.config/pacha
  PACHA_CACHE_DIR        this user's cache folder, instead of ~/.cache/pacha
  PACHA_AUTHOR_NAME, PACHA_AUTHOR_EMAIL   the author of commits
  PACHA_DURABILITY       full, batch or none (none is for tests)
  PACHA_JOBS             worker threads
  PACHA_PAGER, PAGER     the pager; empty or cat for none
  PACHA_COLOR, NO_COLOR, FORCE_COLOR      when to use colour
  PACHA_SAFE_DIRECTORY   folders of other users that may be written to, separated by ':'
"""

FORMATTING = """\
Formatting

With --json a command prints one object {"schema": "pacha.log/1", "data": ...}. `pacha schema NAME` prints its JSON
Schema. Times are RFC 3339 in UTC, sizes bytes, digests whole. An error is one object on stderr with the exit code in it.
Plumbing prints one record a line; -z ends records with NUL. Text output is for people and may change.
"""

SEARCH = """\
Searching

  query    terms side by side must all hold; a or b; not a (or -a, after --); parentheses; `or` binds least
  term     FIELD = VALUE      also  != > >= < <=, and ~ for contains
           has:FIELD          there is a value
           WORD               in the name, the message or the description
  quotes   name~"fraud 2"     metrics."top 5">0.9     '\\' before a quote

  kind name artifact path author message shape   texts; case does not matter
  version    version>=1.2.0, by SemVer; the beginning of one stands for all such: version=1.2
  latest head   true or false: the latest version of its artifact; a head of its history
  stage      development, staging, production, archived; dev, stage, prod, archive
  created    created>=2026-03-01, created=2026-03 (in that month); age<7d, age>12h (s m h d w y)
  size       size>1.5GiB; KB MB GB are powers of 1000, KiB MiB GiB of 1024
  digest manifest   at least 8 digits from the start
  everything else   the card's field, else the facts': metrics.auc>0.9 license=mit features.age.dtype=Int64 parameters>1e9
             card.NAME and facts.NAME say which; a list fits if one of its items does

What has no value fits no comparison, `!=` included; `not` turns that round. NaN fits none and is sorted last.
"""

TOPICS = {
    "exit-codes": EXIT_CODES,
    "references": REFERENCES,
    "search": SEARCH,
    "environment": ENVIRONMENT,
    "formatting": FORMATTING,
}

POWERSHELL_SCRIPT = """\
Register-ArgumentCompleter -Native -CommandName pacha -ScriptBlock {
    param($word, $ast, $position)
    $env:_PACHA_COMPLETE = "bash_complete"
    $env:COMP_WORDS = $ast.ToString()
    $env:COMP_CWORD = if ($word) { $ast.CommandElements.Count - 1 } else { $ast.CommandElements.Count }
    pacha | ForEach-Object {
        $kind, $value = $_ -split ",", 2
        [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $value)
    }
    Remove-Item Env:_PACHA_COMPLETE, Env:COMP_WORDS, Env:COMP_CWORD
}
"""
