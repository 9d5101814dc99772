#!/usr/bin/env bash
# Builds a stand-in for the Lambda Python base image out of Debian packages and this machine's own Python, for machines
# that can reach no container registry, so that `sam local invoke` and `sam local start-api` run for real in Docker:
#   local/lambda-base-image.sh                  -> public.ecr.aws/lambda/python:3.13-x86_64
#   PYTHON=/path/to/python local/lambda-base-image.sh
# Runs as root, or by sudo; installs docker.io and debootstrap where missing and starts dockerd where none answers.
# Then: sam local invoke NAME --skip-pull-image -e events/NAME.json
set -euo pipefail
cd "$(dirname "$0")/.."
case $(uname -m) in x86_64) arch=x86_64 ;; aarch64) arch=arm64 ;; *) echo "no Lambda architecture for $(uname -m)" >&2; exit 1 ;; esac
# The project's environment knows the real interpreter behind pyenv's shims and uv's own downloads.
python=${PYTHON:-$(command -v .venv/bin/python || command -v python3.13 || true)}
[ -n "$python" ] && "$python" -c '' 2>/dev/null || { echo "no Python 3.13: run make setup" >&2; exit 1; }
read -r version prefix < <("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.base_prefix)')
python=$prefix/bin/python$version
tag=public.ecr.aws/lambda/python:$version-$arch
export DEBIAN_FRONTEND=noninteractive
root=(); [ "$(id -u)" = 0 ] || root=(sudo -E)

need=()
command -v dockerd >/dev/null || [ -S /var/run/docker.sock ] || need+=(docker.io iptables)
command -v debootstrap >/dev/null || [ -x /usr/sbin/debootstrap ] || need+=(debootstrap)
if [ ${#need[@]} -gt 0 ]; then
  "${root[@]}" apt-get update -q; "${root[@]}" apt-get install -y -q --no-install-recommends "${need[@]}"
fi
if ! "${root[@]}" docker info >/dev/null 2>&1; then
  log=$(mktemp); "${root[@]}" nohup setsid dockerd >"$log" 2>&1 </dev/null &
  for _ in $(seq 60); do "${root[@]}" docker info >/dev/null 2>&1 && break; sleep 0.5; done
  "${root[@]}" docker info >/dev/null || { tail -5 "$log" >&2; exit 1; }
fi
if "${root[@]}" docker image inspect "$tag" >/dev/null 2>&1; then echo "$tag is already there"; exit 0; fi

work=$(mktemp -d); trap '"${root[@]}" rm -rf "$work"' EXIT
# What AWS's runtime brings along, besides Python itself.
packages=(awslambdaric boto3)
if "$python" -c 'import pip' 2>/dev/null
then "$python" -m pip install -q --no-cache-dir --target "$work/runtime" "${packages[@]}"
else .tools/uv/bin/uv pip install -q --python "$python" --target "$work/runtime" "${packages[@]}"
fi
cat >"$work/runtime/bootstrap" <<END
#!/bin/sh
export PATH=/var/lang/bin:/usr/bin:/bin LD_LIBRARY_PATH=/var/lang/lib:/opt/lib
export PYTHONPATH=/var/task:/opt/python:/var/runtime LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime
cd /var/task
exec /var/lang/bin/python$version -m awslambdaric "\$_HANDLER"
END
chmod +x "$work/runtime/bootstrap"
image=$work/image
"${root[@]}" debootstrap --variant=minbase \
  --include=ca-certificates,libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,zlib1g,libreadline8,tzdata \
  "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$image" >/dev/null
"${root[@]}" mkdir -p "$image"/var/{lang,task} "$image/opt"
"${root[@]}" cp -a "$work/runtime" "$image/var/runtime"
"${root[@]}" cp -a "$prefix/." "$image/var/lang/"
"${root[@]}" rm -rf "$image/var/lang/lib/python$version/test" "$image/var/lang/lib/python$version"/site-packages/*
"${root[@]}" rm -rf "$image"/var/cache/apt/* "$image"/var/lib/apt/lists/*
"${root[@]}" tar -C "$image" -c . | "${root[@]}" docker import - "$tag" >/dev/null
echo "$tag is ready"
