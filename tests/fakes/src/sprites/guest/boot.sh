# First process of a sprite: builds its file system, then waits for the guest.
#
#   boot.sh FOLDER PROGRAM OVERLAY_OPTIONS [--share HOST=INSIDE]... -- GUEST_ARGUMENTS...
#
# Runs in namespaces of its own (mount, network, process ids, host name, IPC).
# The machine's programs shine through; what the sprite writes stays in FOLDER/disk.
# Every process of the sprite ends when this one does.
set -eu

folder=$1 program=$2 overlay=$3
shift 3
root=$folder/root disk=$folder/disk

mkdir -p "$root"
mount -t tmpfs -o mode=755 sprite "$root"
ip link set lo up

for name in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$name" ]; then cp -P "/$name" "$root/"; fi
done
for name in usr etc bin sbin lib lib32 lib64 libx32; do
    if [ -d "/$name" ] && [ ! -L "/$name" ]; then
        mkdir -p "$root/$name" "$disk/$name" "$folder/work/$name"
        mount -t overlay sprite -o \
            "lowerdir=/$name,upperdir=$disk/$name,workdir=$folder/work/$name$overlay" "$root/$name"
    fi
done

# Scratch: nothing in it outlives a cold start.
rm -rf "$disk/tmp"
for name in home/sprite root opt srv var tmp .sprite; do
    mkdir -p "$disk/$name" "$root/$name"
    mount --bind "$disk/$name" "$root/$name"
done
chmod 1777 "$root/tmp"

# As in the real thing, a sprite can read its own checkpoints.
mkdir -p "$folder/checkpoints" "$root/.sprite/checkpoints"
mount --bind "$folder/checkpoints" "$root/.sprite/checkpoints"
mount -o remount,bind,ro "$root/.sprite/checkpoints"

mkdir "$root/proc" "$root/dev" "$root/sys" "$root/run"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 run "$root/run"
# Shared memory is the sprite's own, and ends with it.
if [ -d "$root/dev/shm" ]; then mount -t tmpfs -o mode=1777 shm "$root/dev/shm"; fi
touch "$root/run/guest"
mount --bind "$program" "$root/run/guest"

while [ "$1" = --share ]; do
    from=${2%%=*} to=$root${2#*=}
    shift 2
    if [ -d "$from" ]; then
        mkdir -p "$to"
    else
        mkdir -p "${to%/*}"
        [ -e "$to" ] || : >"$to"
    fi
    mount --bind "$from" "$to"
    mount -o remount,bind,ro "$to"
done
shift

hostname sprite
mkdir "$root/run/old"
cd "$root"
pivot_root . run/old
cd /
umount -l run/old
rmdir run/old

# In the background standard input would be /dev/null, and the guest lives as long as it is open.
exec 3<&0
/run/guest guest "$@" <&3 &
exec 3<&-
wait $!
