# Writes the line that comes in to every kind of place in which a customer's data can be, so
# that a search which finds nothing afterwards has looked there. Says how many places it was.
#
#   plant.sh HOME STATE_FOLDER
set -u
umask 077
home=$1 state=$2
IFS= read -r canary || exit 3
planted=0
put() {
    if mkdir -p "${1%/*}" && printf '%s\n' "$canary" >>"$1"; then planted=$((planted + 1)); fi
}
put "$state/workspace/canary.md"
put "$state/agents/main/agent/canary.sqlite"
put "$state/openclaw.json.canary"
put "$state/credentials/canary.json"
put "$state/cron/canary.json"
put "$home/.canaryrc"
put "$home/.bash_history"
put "$home/.cache/canary/index"
put /root/.canary
put /etc/profile.d/canary.sh
put /etc/cron.d/canary
put /var/spool/cron/crontabs/canary
put /var/log/canary.log
put /.sprite/logs/services/canary.log
put /tmp/canary
put /var/tmp/canary
put /dev/shm/canary
put /opt/canary
put /srv/canary
put /usr/local/canary
mkdir -p "$home/named" && : >"$home/named/$canary" && planted=$((planted + 1))
CANARY=$canary setsid sleep 86400 </dev/null >/dev/null 2>&1 &
planted=$((planted + 1))
# The process has its name before the search looks.
sleep 0.1
echo "$planted"
