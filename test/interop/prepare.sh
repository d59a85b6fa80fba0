#!/usr/bin/env bash
# Makes the real clients ready: fetches the jars, compiles the Java driver for both client versions, builds the Go
# driver, installs ali-ons. Safe to run again; does only what is missing or older than its source.
#
#   test/interop/prepare.sh            the clients
#   test/interop/prepare.sh apache     the clients and the Apache RocketMQ servers (for COMET_INTEROP_TARGET=apache)
#
# COMET_INTEROP_CACHE says where jars and binaries go (default: cometmq-interop in the system's temporary folder).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${COMET_INTEROP_CACHE:-$(node -p 'require("node:path").join(require("node:os").tmpdir(), "cometmq-interop")')}
mkdir -p "$cache"
exec 9>"$cache/prepare.lock"
flock 9

say() { echo "interop: $*"; }

need() { # need COMMAND PACKAGE
  command -v "$1" >/dev/null && return
  say "installing $2"
  local sudo=''
  [ "$(id -u)" = 0 ] || sudo='sudo'
  $sudo apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

jars() { # jars PROFILE: the profile's dependencies into $cache/lib-PROFILE
  local to=$cache/lib-$1
  [ -e "$to/.complete" ] && [ "$to/.complete" -nt "$here/drivers/java/pom.xml" ] && return
  say "fetching jars: $1"
  rm -rf "$to"
  mvn -q -B -ntp -f "$here/drivers/java/pom.xml" -P "$1" dependency:copy-dependencies -DoutputDirectory="$to" >"$cache/maven-$1.log" 2>&1 ||
    { tail -20 "$cache/maven-$1.log" >&2; exit 1; }
  touch "$to/.complete"
}

classes() { # classes VERSION SOURCE...: compiled against that client into $cache/classes-VERSION
  local to=$cache/classes-$1 version=$1 newest
  shift
  newest=$(ls -t "$@" | head -1)
  [ -e "$to/Driver.class" ] && [ "$to/Driver.class" -nt "$newest" ] && return
  say "compiling the Java driver for rocketmq-client $version"
  mkdir -p "$to"
  javac -nowarn -proc:none -cp "$cache/lib-$version/*" -d "$to" "$@" 2>"$cache/javac-$version.log" ||
    { cat "$cache/javac-$version.log" >&2; exit 1; }
}

need javac openjdk-17-jdk-headless
need mvn maven
need go golang

jars 4.9.8
jars 5.4.0
sources=$here/drivers/java/src
classes 4.9.8 "$sources/Driver.java" "$sources/Transactions.java" "$sources/TransactionLoad.java"
classes 5.4.0 "$sources/Driver.java" "$sources/Transactions.java" "$sources/TransactionLoad.java" "$sources/Admin.java"
if [ "${1:-}" = apache ]; then jars server-5.4.0; fi

if [ ! -e "$cache/go-driver" ] || [ -n "$(find "$here/drivers/go" -newer "$cache/go-driver" -type f)" ]; then
  say 'building the Go driver'
  (cd "$here/drivers/go" && go build -buildvcs=false -o "$cache/go-driver" .) || exit 1
fi

ali=$here/drivers/ali-ons
if [ ! -e "$ali/node_modules/.package-lock.json" ] || [ "$ali/package-lock.json" -nt "$ali/node_modules/.package-lock.json" ]; then
  say 'installing ali-ons'
  (cd "$ali" && npm ci --silent --no-audit --no-fund)
  touch "$ali/node_modules/.package-lock.json"
fi
say "ready in $cache"
