# Looks everywhere for each of the lines that come in. Prints a word for each find: file, name
# or process; then "end". Without that word it was not looked everywhere.
#
#   search.sh SECONDS
#
# What has not changed since SECONDS (of the machine's making) is the provider's own: a
# change time cannot be set back.
set -u
umask 077
since=@$1
patterns=$(mktemp /run/search.XXXXXXXX) || exit 3
trap 'rm -f "$patterns"' EXIT
cat >"$patterns"
[ -s "$patterns" ] || exit 3
skip() { find / \( -path /proc -o -path /sys -o -path "$patterns" \) -prune -o "$@" 2>/dev/null; }
skip -type f -newerct "$since" -print0 | xargs -0 -r grep -lsaF -f "$patterns" -- |
    sed 's/.*/file/'
skip -newerct "$since" -printf '%p %l\n' | grep -aF -f "$patterns" | sed 's/.*/name/'
for process in /proc/[0-9]*; do
    for part in cmdline environ; do
        if tr '\0' '\n' 2>/dev/null <"$process/$part" | grep -qaF -f "$patterns"; then
            echo process
        fi
    done
done
echo end
