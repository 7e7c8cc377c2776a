# Makes the account $user with the keys $keys and sudo without a password. Can be repeated.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive

missing=
command -v sudo >/dev/null || missing=sudo
command -v python3 >/dev/null || missing="$missing python3"
if [ -n "$missing" ]; then
  apt-get -o DPkg::Lock::Timeout=120 --quiet update
  apt-get -o DPkg::Lock::Timeout=120 --quiet --yes --no-install-recommends install $missing
fi

# "*" is no password and no lock: sshd lets a locked account in by no key.
getent passwd "$user" >/dev/null || useradd --create-home --shell /bin/bash --password '*' "$user"
home=$(getent passwd "$user" | cut -d: -f6)

# As the user, who owns the place: root would follow links that somebody else made there.
printf '%s\n' "$keys" | runuser -u "$user" -- sh -euc '
  umask 077
  mkdir -p "$1/.ssh"
  file="$1/.ssh/authorized_keys"
  touch "$file"
  [ -z "$(tail -c 1 "$file")" ] || echo >>"$file"
  while IFS= read -r key; do
    grep -qxF -e "$key" "$file" || printf "%s\n" "$key" >>"$file"
  done
' sh "$home"

# sudo passes over file names with a dot, so a half-written rule never counts.
umask 077
rule=/etc/sudoers.d/soundstage-$user
printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$user" >"/etc/sudoers.d/.soundstage.new"
chmod 0440 /etc/sudoers.d/.soundstage.new
visudo -cqf /etc/sudoers.d/.soundstage.new
mv /etc/sudoers.d/.soundstage.new "$rule"
runuser -u "$user" -- sudo -kn true
