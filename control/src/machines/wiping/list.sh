# Lists the files of the homes: what is there, not what is in it.
#
#   list.sh HOME LIST        compares with LIST, where that is; else writes it
set -u
home=$1 list=$2
now() {
    find "$home" /root /srv -path "$list" -prune -o -type d -printf '%p\td\t%m\n' \
        -o -printf '%p\t%y\t%s\t%m\t%l\n' | LC_ALL=C sort
}
if [ "$3" = write ]; then now >"$list"; exit; fi
[ -s "$list" ] || exit 4
now | cmp -s - "$list"
