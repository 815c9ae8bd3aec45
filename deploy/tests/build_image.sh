#!/bin/sh
# Proves the Dockerfile on a Debian machine without Docker, as root: builds one image with buildah on a base made of
# Debian packages, and imports the service in it as uid 10001 on a read-only root. Needs buildah and mmdebstrap.
#
#   deploy/tests/build_image.sh gateway-widget
#
# BUILD_OPTIONS are more options for `buildah build`, such as --volume for a certificate authority of one's own.
set -eu

service=${1:?which service?}
module=onethread.$(echo "$service" | tr - _)
work=$(mktemp -d /var/tmp/onethread-image.XXXXXX)
b() { buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs "$@"; }
clean() {
    b rm --all >/dev/null 2>&1 || true
    b umount --all >/dev/null 2>&1 || true
    rm -rf --one-file-system "$work"
}
trap clean EXIT

mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/base.tar"
container=$(b from scratch)
b add --quiet "$container" "$work/base.tar" / >/dev/null
b commit --quiet --rm "$container" localhost/python-base >/dev/null
rm "$work/base.tar"
echo "The base is made."

cd "$(dirname "$0")/../.."
# shellcheck disable=SC2086 several options are meant
b build --isolation chroot --quiet --build-arg "SERVICE=$service" --build-arg PYTHON_BASE=localhost/python-base \
    ${BUILD_OPTIONS:-} --file deploy/Dockerfile --tag "localhost/$service" .
echo "The image is built: $(b images --format '{{.Size}}' "localhost/$service")."

container=$(b from "localhost/$service")
root=$(b mount "$container")
du -sh "$root/app"
b inspect --format 'user {{.OCIv1.Config.User}}, command {{.OCIv1.Config.Cmd}}' "$container"
unshare --mount --pid --fork --net sh -euc '
    mount --bind "$1" "$1"
    mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
    mount -t proc proc "$1/proc"
    mount -o remount,bind,ro "$1"
    exec env -i HOME=/tmp PATH=/app/bin:/usr/bin:/bin /usr/sbin/chroot --userspec=10001:10001 "$1" /app/bin/python -c "
import os, pathlib, $2.app
print(\"imported\", $2.app.__file__, \"as uid\", os.getuid())
pathlib.Path(\"/tmp/probe\").write_text(\"\")
try:
    pathlib.Path(\"/app/probe\").write_text(\"\")
except OSError as error:
    print(\"/app:\", error.strerror)
else:
    raise SystemExit(\"the root can be written to\")
"' sh "$root" "$module"
# Without its secrets the image's own command must end with one sentence.
env -i HOME=/tmp PATH=/app/bin:/usr/bin:/bin /usr/sbin/chroot --userspec=10001:10001 "$root" service 2>&1 | tail -n 1
